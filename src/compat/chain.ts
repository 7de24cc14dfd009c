/** Which steps lead from one set of migrations to another. */
import {whyIrreversible} from './direction.ts';
import type {Step} from './step.ts';

/**
 * `identical`: the sets are the same. `lift`: the snapshot is the older one; `lower`: it is the newer one, and each step
 * can be taken back. `held`: it is newer, and this instance has to be upgraded first. `refused`: it is older, or of another
 * branch, and no reviewed step says what becomes of its rows.
 */
export type Chain =
  | {readonly kind: 'identical'}
  | {readonly kind: 'lift' | 'lower'; readonly steps: readonly Step[]}
  | {
      readonly kind: 'held' | 'refused';
      readonly why: string;
      /** Those that stand in the way. */
      readonly migrations: readonly string[];
    };

/**
 * @param steps All steps of the application, in their order.
 * @param theirs Migrations applied where the rows come from.
 * @param ours Migrations applied where they go.
 */
export function findChain(
  steps: readonly Step[],
  theirs: readonly string[],
  ours: readonly string[],
): Chain {
  const [here, there] = [new Set(ours), new Set(theirs)]; // a snapshot may name any number
  const added = ours.filter((name) => !there.has(name));
  const missing = theirs.filter((name) => !here.has(name));
  if (added.length === 0 && missing.length === 0) return {kind: 'identical'};
  if (added.length === 0) return lower(steps, missing);
  if (missing.length === 0) return lift(steps, added);
  return {
    kind: 'refused',
    why: `each of the two databases has migrations that the other one lacks: the snapshot ${list(missing)}, this one ${list(added)}`,
    migrations: [...missing, ...added],
  };
}

function lift(steps: readonly Step[], added: readonly string[]): Chain {
  const {found, unknown, partly} = cover(steps, added);
  if (partly !== undefined)
    return {
      kind: 'refused',
      why: `step ${partly.name} stands for migrations of which this database has only some more than the snapshot`,
      migrations: partly.migrations,
    };
  if (unknown.length === 0) return {kind: 'lift', steps: found};
  return {
    kind: 'refused',
    why: `the snapshot comes from a database without ${list(unknown)}, and no compat step says what ${unknown.length === 1 ? 'it does' : 'they do'}`,
    migrations: unknown,
  };
}

function lower(steps: readonly Step[], missing: readonly string[]): Chain {
  const {found, unknown, partly} = cover(steps, missing);
  const stuck = found.map(whyIrreversible).find((why) => why !== undefined);
  if (partly === undefined && unknown.length === 0 && stuck === undefined)
    return {kind: 'lower', steps: found};
  const reason = unknown.length > 0 || partly !== undefined ? '' : `, and ${stuck}`;
  const migrations = unknown.length > 0 ? unknown : missing;
  return {kind: 'held', why: `this database lacks ${list(missing)}${reason}`, migrations};
}

type Cover = {
  readonly found: readonly Step[];
  readonly unknown: readonly string[];
  readonly partly: Step | undefined;
};

/** A step that changes nothing may be taken in part. */
function cover(steps: readonly Step[], names: readonly string[]): Cover {
  const wanted = new Set(names);
  const meant = steps.filter((step) => step.migrations.some((name) => wanted.has(name)));
  const known = new Set(meant.flatMap((step) => step.migrations));
  return {
    found: meant,
    unknown: names.filter((name) => !known.has(name)),
    partly: meant.find(
      ({migrations, operations}) =>
        operations.length > 0 && !migrations.every((name) => wanted.has(name)),
    ),
  };
}

const NAMES_SHOWN = 5;

/** `migration a`, `migrations a, b and 7 more`. */
function list(migrations: readonly string[]): string {
  const shown = migrations.slice(0, NAMES_SHOWN).join(', ');
  const more = migrations.length - NAMES_SHOWN;
  const rest = more > 0 ? ` and ${more} more` : '';
  return `${migrations.length === 1 ? 'migration' : 'migrations'} ${shown}${rest}`;
}
