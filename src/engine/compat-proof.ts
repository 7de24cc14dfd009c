/** Proves compat steps on a pair of databases: what they make of the older one's rows is compared with the newer one's. */
import {stageSteps, type Staged} from '../compat/stages.ts';
import type {Step} from '../compat/step.ts';
import {isEngineError} from '../kernel/errors.ts';
import {columnFaults} from './adapted-columns.ts';
import {compareLifted, type LiftedRows} from './compare-lifted.ts';
import {loadSteps} from './compat-files.ts';
import {
  migrationsBetween,
  readSide,
  sourceOf,
  type DatabasePair,
  type Side,
} from './compat-sides.ts';
import {withDatabase} from './open.ts';
import type {EngineOptions} from './options.ts';

export type PairProof = DatabasePair & {
  readonly proven: boolean;
  readonly application: string;
  /** Steps that lead from one to the other. */
  readonly steps: readonly string[];
  /** Migrations that only the newer one has, and no step is about. */
  readonly withoutStep: readonly string[];
  /** Steps of whose migrations the newer one has only some more than the older one. */
  readonly inPart: readonly string[];
  /** An operation that does not fit the tables of the older one, by file and line: rows are not compared then. */
  readonly misfit: string | null;
  /** What the newer one declares otherwise than the steps say. */
  readonly declarations: readonly Declaration[];
  /** Replicated tables of the older one, by the name that they have there, and those with rows that only the newer one has. */
  readonly tables: Readonly<Record<string, LiftedRows>>;
};

export type Declaration = {
  readonly table: string;
  readonly column: string | null;
  readonly why: string;
};

/** @throws {EngineError} where a database cannot be read, is no upgraded copy of the other, or no profile recognises it. */
export async function provePair(
  given: Omit<EngineOptions, 'database'>,
  pair: DatabasePair,
): Promise<PairProof> {
  const options = {...given, database: pair.from};
  return withDatabase(options, pair.from, (older) =>
    withDatabase(options, pair.to, (newer) =>
      older.view((before) =>
        newer.view(async (after) =>
          prove(options, pair, [await readSide(before, options), await readSide(after, options)]),
        ),
      ),
    ),
  );
}

async function prove(
  options: EngineOptions,
  pair: DatabasePair,
  [before, after]: readonly [Side, Side],
): Promise<PairProof> {
  const application = before.profile.name;
  const added = migrationsBetween(pair, before, after);
  const {steps, ...gaps} = stepsFor(loadSteps(application, options.compat), added);
  const names = steps.map(({name}) => name);
  const head = {...pair, application, steps: names, ...gaps};
  const staged = stagedOrMisfit(steps, before);
  if (typeof staged === 'string')
    return {...head, proven: false, misfit: staged, declarations: [], tables: {}};
  const declarations = staged.flatMap((table) => declarationFaults(table, after));
  const tables = await compareLifted(options, {before, after, staged});
  const proven =
    gaps.withoutStep.length === 0 &&
    gaps.inPart.length === 0 &&
    declarations.length === 0 &&
    Object.values(tables).every(isProven);
  return {...head, proven, misfit: null, declarations, tables};
}

function isProven({missing, surplus, columns, losses}: LiftedRows): boolean {
  return missing.rows + surplus.rows + columns.length + losses.length === 0;
}

/** Steps that are about these migrations, and what they leave open. A step that changes nothing may be taken in part. */
export function stepsFor(
  all: readonly Step[],
  added: readonly string[],
): Pick<PairProof, 'withoutStep' | 'inPart'> & {readonly steps: readonly Step[]} {
  const steps = all.filter(({migrations}) => migrations.some((name) => added.includes(name)));
  const known = new Set(steps.flatMap(({migrations}) => migrations));
  const partly = steps.filter(
    ({migrations, operations}) =>
      operations.length > 0 && !migrations.every((name) => added.includes(name)),
  );
  return {
    steps,
    withoutStep: added.filter((name) => !known.has(name)),
    inPart: partly.map(({name}) => name),
  };
}

function stagedOrMisfit(steps: readonly Step[], before: Side): readonly Staged[] | string {
  try {
    return stageSteps(
      steps,
      [...before.shapes.values()].map((shape) => sourceOf(before, shape)),
    );
  } catch (error) {
    if (isEngineError(error, 'SCHEMA_MISMATCH')) return error.message;
    throw error;
  }
}

function declarationFaults({source, result}: Staged, after: Side): readonly Declaration[] {
  if (result === undefined) {
    if (!after.schemas.has(source.name)) return [];
    return [{table: source.name, column: null, why: 'it is still there, and a step drops it'}];
  }
  const schema = after.schemas.get(result.name);
  const shape = after.shapes.get(result.name);
  if (schema === undefined || shape === undefined)
    return [{table: result.name, column: null, why: 'it is not there'}];
  return [...columnFaults(result, schema, shape)].map(({column = null, why}) => ({
    table: result.name,
    column,
    why,
  }));
}
