/** conflicts: what waits for a decision, and the decision. */
import {EngineError} from '../kernel/errors.ts';
import type {WireCell} from '../kernel/row.ts';
import {keyLabel} from '../schema/row-key.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ConflictCells, StoredConflict} from '../state/conflicts.ts';
import {peekAtState, withState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {recordedManifest} from './recorded.ts';

export type ConflictsOptions = EngineOptions & {
  /** Adds cell values; they may be secrets. */
  readonly showValues?: boolean | undefined;
};

export type ListedConflict = {
  readonly table: string;
  /** The row's key, for example `id=42`. */
  readonly key: string;
  readonly kind: string;
  /** The cells that it is about; empty where it is about the row. */
  readonly columns: readonly string[];
  /** The snapshot that it came with. */
  readonly epoch: number;
  readonly sequence: number;
  /** When it was found, ISO 8601. */
  readonly at: string;
  /** `theirs` once that was decided, until the next replicate writes it; null while it is open, and ours stands. */
  readonly take: 'theirs' | null;
  /** Only where values were asked for: the cells last applied, here, and in the snapshot; null where there is no row. */
  readonly values?: Readonly<Record<'base' | 'ours' | 'theirs', ConflictCells>> | undefined;
};

export type ConflictsResult = {
  /** How many wait for a decision. */
  readonly open: number;
  readonly conflicts: readonly ListedConflict[];
};

/** Lists the conflicts of this database, in order of table and key. */
export async function conflicts(options: ConflictsOptions): Promise<ConflictsResult> {
  return peekAtState(options, async (state) => {
    const position = await state?.position();
    const manifest = position && recordedManifest(position);
    const stored = (await state?.conflicts()) ?? [];
    const listed = stored.map((conflict) =>
      listedOf(conflict, manifest, options.showValues === true),
    );
    return {open: listed.filter(({take}) => take === null).length, conflicts: listed};
  });
}

export type ResolveOptions = EngineOptions & {
  /** Undefined for every conflict that is open. */
  readonly table?: string | undefined;
  /** The row's key as `conflicts` lists it, or its value alone where the key is one column. */
  readonly key?: string | undefined;
  readonly take: 'ours' | 'theirs';
};

export type ResolveResult = {
  /** What was decided; `ours` stands already, `theirs` is written by the next replicate. */
  readonly resolved: readonly Pick<ListedConflict, 'table' | 'key' | 'kind' | 'columns'>[];
  readonly take: 'ours' | 'theirs';
  /** How many still wait for a decision. */
  readonly open: number;
};

/**
 * Decides conflicts. A decision holds until the cells change again, here or on the primary.
 *
 * @throws {EngineError} `CONFLICT_UNKNOWN` where no conflict is about that row.
 */
export async function resolveConflict(options: ResolveOptions): Promise<ResolveResult> {
  const {table, key, take} = options;
  return withState(
    options,
    async ({state}) => {
      const position = await state.position();
      const manifest = position && recordedManifest(position);
      const stored = await state.conflicts();
      const labels = new Map(stored.map((one) => [one, labelOf(one, manifest)]));
      const isMeant = (one: StoredConflict): boolean =>
        (table === undefined || one.table === table) &&
        (key === undefined || namesOf(one, manifest).some((label) => isKey(key, label)));
      const meant = stored.filter(isMeant);
      if (meant.length === 0 && table !== undefined) throw unknown(table, key);
      const rest = stored.filter((one) => !isMeant(one));
      // Ours stands already, and what was last applied is the primary's by now: nothing is left to be written.
      const decided = take === 'ours' ? [] : meant.map((one) => ({...one, take}));
      await state.keepConflicts([...rest, ...decided]);
      const resolved = meant.map((one) => {
        const {table: name, kind, columns} = one;
        return {table: name, key: labels.get(one) ?? '', kind, columns};
      });
      return {resolved, take, open: rest.filter((one) => one.take === null).length};
    },
    'read',
  );
}

/** A key as it is listed, and as it is listed with values. */
function namesOf(conflict: StoredConflict, manifest: Manifest | undefined): readonly string[] {
  return [false, true].map((showValues) => labelOf(conflict, manifest, showValues));
}

function isKey(asked: string, label: string): boolean {
  if (asked === label) return true;
  const value = label.slice(label.indexOf('=') + 1);
  return !label.includes(',') && (value === asked || value === JSON.stringify(asked));
}

function unknown(table: string, key: string | undefined): EngineError {
  const row = key === undefined ? `table "${table}"` : `${table}[${key}]`;
  return new EngineError('CONFLICT_UNKNOWN', `there is no conflict about ${row}`, {
    site: {table, key},
    hint: 'rowplica conflicts lists them, with their keys.',
  });
}

function listedOf(
  conflict: StoredConflict,
  manifest: Manifest | undefined,
  showValues: boolean,
): ListedConflict {
  const {table, kind, columns, epoch, sequence, at, base, ours, theirs} = conflict;
  const take: ListedConflict['take'] = conflict.take === 'theirs' ? 'theirs' : null;
  const key = labelOf(conflict, manifest, showValues);
  const listed = {table, key, kind, columns, epoch, sequence, at, take};
  if (!showValues) return listed;
  const only = (cells: ConflictCells): ConflictCells => chosen(cells, columns);
  return {...listed, values: {base: only(base), ours: only(ours), theirs: only(theirs)}};
}

/** The cells that a conflict is about; all of a row that one is about. */
function chosen(cells: ConflictCells, columns: readonly string[]): ConflictCells {
  if (cells === null || columns.length === 0) return cells;
  const all: Readonly<Record<string, WireCell>> = cells;
  return Object.fromEntries(columns.map((name) => [name, all[name] ?? null]));
}

function labelOf(
  {table, key}: StoredConflict,
  manifest: Manifest | undefined,
  showValues = false,
): string {
  const known = manifest?.tables.find(({name}) => name === table);
  return known === undefined ? '' : keyLabel(shapeOf(known), key, showValues);
}
