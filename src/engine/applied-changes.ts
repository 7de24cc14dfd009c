/** What applies on record wrote that a running application was not told of yet. */
import {must} from '../kernel/assert.ts';
import {HISTORY_BODY_CHARS_MAX, UNDO_RECORDS_MAX} from '../kernel/limits.ts';
import type {CanonicalRow, RowChange, WireCell} from '../kernel/row.ts';
import {changedColumns} from '../plan/rows.ts';
import type {AppliedChange} from '../profiles/profile.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {State} from '../state/state.ts';
import type {AuditRecord} from '../state/undo-records.ts';
import {wholeIntent, type Intent} from './intent.ts';
import {recordedManifest} from './recorded.ts';
import {changeOf, intactOf, unlessDamaged} from './recorded-change.ts';

export type Untold = {
  /** The last of these applies. */
  readonly through: number;
  /** Of the application that they are of: null for none that has a name, undefined where no record can say. */
  readonly application: string | null | undefined;
  readonly changes: readonly AppliedChange[];
  /** Why not all of the changes are known; undefined where they are. */
  readonly lost: string | undefined;
};

/** Undefined where there is none. @param told The last apply that was told; 0 before the first. */
export async function untoldChanges(state: State, told: number): Promise<Untold | undefined> {
  // Numbers are not given twice, and what is not kept any longer is followed by as many as are: one that is gone was undone.
  const known = await state.undos.lastUpTo(told);
  const records: AuditRecord[] = [];
  for (let id = Number.MAX_SAFE_INTEGER; ;) {
    const record = await state.undos.upTo(id, HISTORY_BODY_CHARS_MAX);
    if (record === undefined || record.id <= told) break;
    records.unshift(record);
    id = record.id - 1;
  }
  const read = await readAll(records);
  const undone = known === told || read.lost !== undefined ? undefined : UNDONE;
  const through = records.at(-1)?.id ?? known;
  return through === told ? undefined : {...read, through, lost: read.lost ?? undone};
}

const UNDONE = 'an apply that it was told of was undone';

async function readAll(records: readonly AuditRecord[]): Promise<Omit<Untold, 'through'>> {
  const read: Read[] = [];
  for (const record of records) read.push(await readRecord(record));
  const isWhole = read.every(({changes}) => changes !== undefined);
  const lost =
    records.length >= UNDO_RECORDS_MAX
      ? 'there were more applies than are kept on record'
      : isWhole
        ? undefined
        : 'the record of an apply is too long to be read, or damaged';
  return {
    application: read.findLast(({application}) => application !== undefined)?.application,
    changes: read.flatMap(({changes}) => changes ?? []),
    lost,
  };
}

type Read = {
  readonly application: string | null | undefined;
  readonly changes: readonly AppliedChange[] | undefined;
};

async function readRecord(record: AuditRecord): Promise<Read> {
  const manifest = unlessDamaged(() => recordedManifest(record));
  const application = manifest?.source.application;
  const {body, parts} = record;
  const intent = body === null ? undefined : await intactOf(wholeIntent(body, parts));
  return {application, changes: manifest && changesIn(manifest, intent)};
}

function changesIn(
  manifest: Manifest,
  {rows}: Partial<Intent> = {},
): readonly AppliedChange[] | undefined {
  const shapes = new Map(manifest.tables.map((table) => [table.name, shapeOf(table)]));
  const changes = rows?.map((row) => {
    const shape = shapes.get(row.table);
    const change = shape && unlessDamaged(() => changeOf(shape, row));
    return shape && change && appliedChange(shape, change);
  });
  const known = changes?.filter((change) => change !== undefined);
  return known?.length === changes?.length ? known : undefined;
}

function appliedChange(shape: TableShape, change: RowChange): AppliedChange {
  const {op} = change;
  const names = shape.columns.map(({name}) => name);
  const columns =
    op === 'update' ? changedColumns(shape, change).map((at) => must(names[at], 'column')) : names;
  const cellsOf = (row: CanonicalRow): Readonly<Record<string, WireCell>> =>
    Object.fromEntries(names.map((name, at) => [name, row.cells[at] ?? null]));
  return {
    table: shape.table,
    op,
    columns,
    before: op === 'insert' ? undefined : cellsOf(change.before),
    after: op === 'delete' ? undefined : cellsOf(change.after),
  };
}
