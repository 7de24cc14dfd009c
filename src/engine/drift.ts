/** drift: what was changed here since the snapshot on record, and what becomes of it. */
import type {Digest} from '../canonical/digest.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import type {ChangeCounts, RowChange} from '../kernel/row.ts';
import {countChanges} from '../plan/make-plan.ts';
import {describeChange, type DiffChange} from './describe-change.ts';
import {Draft} from './draft.ts';
import {fatesOf, type Fate} from './drift-fates.ts';
import {compareTables, exactChanges, scannedTables} from './exact-changes.ts';
import {policiesFor, waysOf, type MergedTable, type Ways} from './followed.ts';
import {mergeTables} from './merge-tables.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import {withRecorded} from './recorded-snapshot.ts';
import {settleBelonging} from './settle-parents.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {settled} from './source-version.ts';
import {TheirRows} from './their-rows.ts';

export type DriftOptions = EngineOptions & {
  /** Adds cell values to the changes; they may be secrets. */
  readonly showValues?: boolean | undefined;
};

/** What was done here; `left` is the snapshot, `right` this database. */
export type DriftChange = DiffChange & {readonly fate: Fate};

export type DriftResult = {
  /** The snapshot on record, which the rows are compared with. */
  readonly snapshot: Digest;
  readonly epoch: number;
  readonly sequence: number;
  /** Rows that differ from it. */
  readonly rows: number;
  readonly tables: Readonly<Record<string, ChangeCounts>>;
  readonly changes: readonly DriftChange[];
};

/** @throws {EngineError} `NO_SNAPSHOT`; `SCHEMA_MISMATCH`, `VERSION_MISMATCH` where the application was upgraded since. */
export async function drift(options: DriftOptions): Promise<DriftResult> {
  return withRecorded(options, async ({database, reader, snapshot, position}) => {
    await settled(database, options);
    const {drifted, fates} = await database.view(async (view) => {
      const found = await driftIn(view, {reader, snapshot, options});
      const {tables: schema} = await view.schema();
      const policies = policiesFor(snapshot.manifest, options);
      return {drifted: found, fates: fatesOf(schema, found, policies)};
    });
    const changes = drifted.flatMap(({shape, changes: some}) =>
      some.map((change) => ({
        ...describeChange(shape, change, options.showValues === true),
        fate: must(fates.get(change), 'each change has one'),
      })),
    );
    const {digest, epoch, sequence} = position;
    const tables = drifted.map(
      ({shape, changes: some}) => [shape.table, countChanges(some)] as const,
    );
    return {
      snapshot: digest,
      epoch,
      sequence,
      rows: changes.length,
      tables: Object.fromEntries(tables),
      changes,
    };
  });
}

type DriftRequest = {
  readonly reader: SnapshotReader;
  readonly snapshot: Snapshot;
  readonly options: EngineOptions;
};

export type Drifted = {
  readonly shape: MergedTable['shape'];
  /** What turns the snapshot's rows into those here. */
  readonly changes: readonly RowChange[];
};

/** For every table that is followed, in order, how its rows differ from the snapshot's. */
export async function driftIn(view: View, request: DriftRequest): Promise<readonly Drifted[]> {
  const {snapshot, options} = request;
  await guardSource(view, snapshot.manifest, options);
  const {tables: schema} = await view.schema();
  const always = {...options, repair: true};
  const ways = waysOf({schema, snapshot, options: always, isOnRecord: true});
  const found = [
    ...(await exactDrift(view, request, ways)),
    ...(await mergedDrift(view, request, ways)),
  ];
  return found.toSorted((a, b) => (a.shape.table < b.shape.table ? -1 : 1));
}

async function exactDrift(
  view: View,
  {reader, snapshot, options}: DriftRequest,
  {exact}: Ways,
): Promise<readonly Drifted[]> {
  const target: Snapshot = {...snapshot, manifest: {...snapshot.manifest, tables: exact}};
  const compared = await compareTables(
    reader,
    target,
    await scannedTables(view, target.manifest, options),
  );
  const wanted = compared.flatMap(({regions}) => regions.flatMap(({theirs}) => theirs));
  await reader.fetch(
    target,
    wanted.map(({digest}) => digest),
  );
  const {changed} = await exactChanges(view, {reader, target, options}, compared);
  return [...changed.values()].map(({shape, changes}) => ({shape, changes: changes.map(reversed)}));
}

/** Rows that are left alone did not drift, nor did what belongs to them, or to rows that are not here. */
async function mergedDrift(
  view: View,
  {reader, snapshot, options}: DriftRequest,
  {merged}: Ways,
): Promise<readonly Drifted[]> {
  const copies = merged.map(asCopy);
  const chunks = [];
  for (const {table} of merged) chunks.push(...(await reader.chunks(snapshot, table)));
  await reader.fetch(
    snapshot,
    chunks.map(({digest}) => digest),
  );
  const bases = new Map();
  const request = {
    view,
    reader,
    target: snapshot,
    merged: copies,
    bases,
    trusted: undefined,
    options,
  };
  const contents = await mergeTables(request);
  const {tables: schema} = await view.schema();
  const draft = new Draft(view, schema, new Map(), contents);
  const theirs = new TheirRows(reader, snapshot);
  await settleBelonging({view, schema, draft, theirs, resting: new Map()});
  const changed = await draft.changes();
  return [...changed.values()].map(({shape, changes}) => ({shape, changes: changes.map(reversed)}));
}

function asCopy(merged: MergedTable): MergedTable {
  const rules = {...merged.rules, rows: 'theirs', cells: 'theirs', columns: new Map()} as const;
  return {...merged, rules};
}

function reversed(change: RowChange): RowChange {
  const {op, key} = change;
  if (op === 'insert') return {op: 'delete', key, before: change.after};
  if (op === 'delete') return {op: 'insert', key, after: change.before};
  return {op, key, before: change.after, after: change.before};
}
