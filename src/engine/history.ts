/** history: what was applied here, row by row, without values. The last applies are on record, those undone left out. */
import {HISTORY_BODY_CHARS_MAX, HISTORY_ROWS, HISTORY_ROWS_MAX} from '../kernel/limits.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {State} from '../state/state.ts';
import type {AuditRecord} from '../state/undo-records.ts';
import {describeChange, type DiffChange} from './describe-change.ts';
import {wholeIntent, type Intent, type IntendedRow} from './intent.ts';
import {peekAtState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {recordedManifest} from './recorded.ts';
import {changeOf, intactOf, unlessDamaged} from './recorded-change.ts';

export type HistoryRequest = {
  /** Rows at most; default 100, and never more than 1000. */
  readonly limit?: number | undefined;
  /** What the page before gave as `next`; undefined begins with the last apply. */
  readonly before?: string | undefined;
};

export type HistoryPage = {
  /** Applies that the rows belong to, the last one first. */
  readonly applies: readonly HistoryApply[];
  readonly rows: readonly HistoryRow[];
  /** Where older ones go on; null where there are none. */
  readonly next: string | null;
};

type HistoryApply = {
  readonly apply: number;
  /** When it was about to be written, ISO 8601. */
  readonly at: string;
  readonly snapshot: string;
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  /** Whether its rows are listed: a record may be too long for that, or damaged. */
  readonly listed: 'yes' | 'tooLong' | 'damaged';
  /** Rows of tables that are not replicated which went or changed with it, by table. */
  readonly cascades: Readonly<Record<string, number>>;
};

/** The row that an apply wrote. `key` shows numbers, and digests of anything else. */
type HistoryRow = Pick<DiffChange, 'table' | 'key' | 'op' | 'columns'> & {
  readonly apply: number;
};

/** Works beside a running service, from the state folder alone. */
export async function history(
  options: EngineOptions,
  {limit = HISTORY_ROWS, before}: HistoryRequest = {},
): Promise<HistoryPage> {
  return peekAtState(options, async (state) => {
    if (state === undefined) return {applies: [], rows: [], next: null};
    return pageOf(state, cursorOf(before), Math.min(limit, HISTORY_ROWS_MAX));
  });
}

/** A row of a record: pages may begin, and end, in the middle of one. */
type Cursor = {readonly id: number; readonly row: number};

/** A text that no page gave begins with the last apply. */
function cursorOf(text: string | undefined): Cursor {
  const [, id, row] = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? '') ?? [];
  return {id: Number(id ?? Number.MAX_SAFE_INTEGER), row: Number(row ?? 0)};
}

async function pageOf(state: State, cursor: Cursor, limit: number): Promise<HistoryPage> {
  const applies: HistoryApply[] = [];
  const rows: HistoryRow[] = [];
  let left = HISTORY_BODY_CHARS_MAX;
  for (let {id, row} = cursor; ; row = 0) {
    const record = await state.undos.upTo(id, HISTORY_BODY_CHARS_MAX);
    if (record === undefined) return {applies, rows, next: null};
    const from = record.id === cursor.id ? row : 0; // the apply of the cursor may have been undone
    if (rows.length === limit || left <= 0) return {applies, rows, next: `${record.id}-${from}`};
    const read = await readRecord(record);
    if (record.body !== null) left -= record.size;
    applies.push(read.apply);
    const end = from + limit - rows.length;
    rows.push(...read.rows.slice(from, end).map(read.describe));
    if (end < read.rows.length) return {applies, rows, next: `${record.id}-${end}`};
    id = record.id - 1;
  }
}

type Read = {
  readonly apply: HistoryApply;
  readonly rows: readonly IntendedRow[];
  readonly describe: (row: IntendedRow) => HistoryRow;
};

async function readRecord(record: AuditRecord): Promise<Read> {
  const {id: apply, at, digest: snapshot, lineage, epoch, sequence, body, parts} = record;
  const told = {apply, at, snapshot, lineage, epoch, sequence};
  const describe = describer(record);
  const intent = body === null ? undefined : await intentOf(body, parts);
  if (intent === 'damaged' || describe === undefined)
    return {apply: {...told, listed: 'damaged', cascades: {}}, rows: [], describe: nothing};
  const listed = intent?.rows === undefined ? 'tooLong' : 'yes';
  const {rows = [], cascades = {}} = intent ?? {};
  return {apply: {...told, listed, cascades}, rows, describe};
}

async function intentOf(body: string, parts: readonly string[]): Promise<Intent | 'damaged'> {
  return (await intactOf(wholeIntent(body, parts))) ?? 'damaged';
}

/** Undefined where the record no longer says which columns the tables had. */
function describer(record: AuditRecord): Read['describe'] | undefined {
  const manifest = unlessDamaged(() => recordedManifest(record));
  if (manifest === undefined) return undefined;
  const shapes = new Map(manifest.tables.map((table) => [table.name, shapeOf(table)]));
  return (row) => describeRow(record.id, row, shapes.get(row.table));
}

const nothing = (row: IntendedRow): HistoryRow => describeRow(0, row, undefined);

function describeRow(apply: number, row: IntendedRow, shape: TableShape | undefined): HistoryRow {
  const {table, before, after} = row;
  const op = before === null ? 'insert' : after === null ? 'delete' : 'update';
  const change = shape && unlessDamaged(() => changeOf(shape, row));
  if (shape === undefined || change === undefined) return {apply, table, key: '', op, columns: []};
  return {apply, ...describeChange(shape, change, false)};
}
