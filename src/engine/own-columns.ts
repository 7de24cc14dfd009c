/** Columns that only this database has: what an adapted snapshot keeps in them, and what the application writes there meanwhile. */
import {encodeWireKey} from '../canonical/key.ts';
import {rowText} from '../canonical/row.ts';
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {RowChange, WireCell, WireRow} from '../kernel/row.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {shapeOf, type ManifestTable} from '../snapshot/manifest.ts';
import {groupOf} from './rows-now.ts';
import type {OwnColumns, Snapshot, SnapshotReader} from './snapshot-reader.ts';

type Parents = {
  readonly view: View;
  readonly reader: SnapshotReader;
  readonly snapshot: Snapshot;
  /** A table of the snapshot by its name here: what the snapshot says of it, and how it is compared here. */
  readonly find: (name: string) => {source: ManifestTable; shape: TableShape} | undefined;
};

/** Own columns of a table, each with the references that go: to rows that the snapshot does not have. */
export async function ownColumns(
  names: readonly string[],
  keys: readonly ForeignKey[],
  parents: Parents,
): Promise<OwnColumns> {
  const own = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
  for (const {columns, parent, parentColumns} of keys) {
    const going = columns.length === 1 ? own.get(columns[0] ?? '') : undefined;
    const found = going && parents.find(parent);
    if (found === undefined) continue;
    const isByKey = found.shape.key.map(({name}) => name).join('\n') === parentColumns.join('\n');
    if (found.shape.keyKind !== 'primary' || !isByKey) continue;
    for await (const key of goingKeys(parents, found.source, found.shape)) going?.add(key);
  }
  return own;
}

/** Keys of live rows that the snapshot does not have. Steps never change keys. */
async function* goingKeys(
  {view, reader, snapshot}: Parents,
  source: ManifestTable,
  shape: TableShape,
): AsyncGenerator<string> {
  const staying = keysIn(reader, source, await reader.chunks(snapshot, source));
  let next = staying.next();
  for await (const page of view.rows(shape)) {
    for (const {key} of page) {
      while (next.done !== true && next.value < key) next = staying.next();
      if (next.value !== key) yield key;
    }
  }
}

function* keysIn(
  reader: SnapshotReader,
  source: ManifestTable,
  chunks: readonly ChunkEntry[],
): Generator<string, undefined> {
  for (const chunk of chunks) for (const {key} of reader.rows(shapeOf(source), chunk)) yield key;
}

/** The row with what another one holds in own columns, as far as that stays. */
export function withOwn(
  row: WireRow,
  from: WireRow,
  columns: TableShape['columns'],
  own: OwnColumns,
): WireRow {
  return row.map((cell, at) => {
    const going = own.get(columns[at]?.name ?? '');
    const kept = from[at] ?? null;
    return going === undefined || isGoing(going, kept) ? cell : kept;
  });
}

const isGoing = (going: ReadonlySet<string>, cell: WireCell): boolean =>
  going.size > 0 && going.has(encodeWireKey([cell], ['binary']));

/**
 * An adapted snapshot says of own columns what they held when it was made. A change that would write something else into
 * those of the same row was planned too late.
 *
 * @throws {EngineError} `PLAN_STALE`, retryable once the snapshot is adapted anew.
 */
export function refuseOutdated(
  shape: TableShape,
  own: OwnColumns,
  changes: readonly RowChange[],
): void {
  if (own.size === 0) return;
  const isOwn = shape.columns.map(({name}) => own.has(name));
  const shared = (row: WireRow): string => rowText(row.filter((_, at) => isOwn[at] !== true));
  const groupIn = ({key}: RowChange): string => (shape.keyKind === 'primary' ? key : groupOf(key));
  const keeps = (row: WireRow, from: WireRow): boolean =>
    rowText(row) === rowText(withOwn(row, from, shape.columns, own));
  for (const group of Map.groupBy(changes, groupIn).values()) {
    const befores = group.flatMap((change) =>
      change.op === 'insert' ? [] : [change.before.cells],
    );
    const afters = group.flatMap((change) => (change.op === 'delete' ? [] : [change.after.cells]));
    const [before, after] = [befores[0], afters[0]];
    const isOne = befores.length === 1 && afters.length === 1 && before && after;
    if (isOne && !keeps(after, before)) throw outdated(shape);
    // Of several rows, each took over what an otherwise equal one had.
    const wanted = Map.groupBy(afters, shared);
    const isLate = (row: WireRow): boolean =>
      wanted.get(shared(row))?.every((one) => !keeps(one, row)) === true;
    if (!isOne && befores.some(isLate)) throw outdated(shape);
  }
}

function outdated({table}: TableShape): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot plan: rows of table "${table}" changed, in columns that the snapshot does not have, while it was adapted`,
    {site: {table}, hint: 'Run replicate again: it plans afresh.', retryable: true},
  );
}
