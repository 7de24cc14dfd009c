/** What a plan is about to write, as it is kept in the state: intent before, undo record after. */
import {z} from 'zod';
import {isKey} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {UNDO_BYTES_MAX, UNDO_PART_CHARS} from '../kernel/limits.ts';
import type {ChangeCounts, RowChange} from '../kernel/row.ts';
import {
  cascadeCounts,
  charactersOf,
  rowsTouched,
  rowSteps,
  totals,
  type Plan,
} from '../plan/plan.ts';
import type {Violations} from '../snapshot/manifest.ts';
import type {Intended} from '../state/changeset.ts';
import {conflictsSchema, type StoredConflict} from '../state/conflicts.ts';
import {noFills, type FillReader} from './fills.ts';
import {noSweeps, type SweepReader} from './sweeps.ts';

export type IntendedRow = {
  readonly table: string;
  readonly key: string;
  /** Text of the row before and after; null where there is none. */
  readonly before: string | null;
  readonly after: string | null;
};

/** References of one table that dangled before. */
export type Dangling = {readonly name: string; readonly violations: readonly Violations[]};

/** How many rows the apply left in a group of rows of equal key. */
export type GroupSize = {readonly table: string; readonly group: string; readonly rows: number};

export type Intent = {
  /** The touched rows, or the first of them; undefined where there were too many to keep. */
  readonly rows: readonly IntendedRow[] | undefined;
  /** How many rows are touched. */
  readonly all: number;
  /** How many are inserted, updated and deleted; undefined where an older release did not note it. */
  readonly tables: Readonly<Record<string, ChangeCounts>> | undefined;
  /** How many rows of tables that are not replicated go or change with them: those are not kept. */
  readonly cascades: Readonly<Record<string, number>>;
  readonly dangling: readonly Dangling[];
  /** Of tables matched by what they link, every group that is touched. */
  readonly groups: readonly GroupSize[];
  /** All conflicts that there are afterwards; undefined where they stay as they were. */
  readonly conflicts: readonly StoredConflict[] | undefined;
};

/** Gives rows that a plan does not hold. */
export type PlanRows = FillReader & SweepReader;

const noRows: PlanRows = {...noFills, ...noSweeps};

/** Encodes what a plan is about to write; one too large to keep gives an intent without rows. */
export async function encodeIntent(
  plan: Plan,
  {
    dangling = [],
    groups = [],
    trimmed = new Map<string, number>(),
    conflicts,
    source = noRows,
  }: Partial<Pick<Intent, 'dangling' | 'groups' | 'conflicts'>> & {
    /** Rows of tables that are not replicated which went before the plan, by table. */
    readonly trimmed?: ReadonlyMap<string, number>;
    /** Gives the rows of tables that are filled or swept. */
    readonly source?: PlanRows;
  } = {},
): Promise<Intended> {
  const cascades = Object.fromEntries(totals(cascadeCounts(plan), trimmed));
  const parts = isTooLarge(plan, source) ? undefined : partsOf(touchedRows(plan, source));
  const first = (await parts?.next())?.value ?? '[]';
  const all = rowsTouched(plan);
  const tables = Object.fromEntries(plan.tables);
  const others = JSON.stringify({all, tables, cascades, dangling, groups, conflicts});
  const body = `{"rows":${parts === undefined ? 'null' : first},${others.slice(1)}`;
  return {body, parts};
}

function isTooLarge(plan: Plan, source: PlanRows): boolean {
  let size = plan.sweeps.reduce((sum, {characters}) => sum + characters, 0);
  for (const {change} of rowSteps(plan)) {
    size += charactersOf(change);
    if (size > UNDO_BYTES_MAX) return true;
  }
  return size > UNDO_BYTES_MAX || source.isLarge(plan.fills, size);
}

/** Rows that are swept or filled are in memory a chunk at a time. */
async function* touchedRows(
  plan: Plan,
  source: PlanRows,
): AsyncGenerator<readonly IntendedRow[], void> {
  yield rowSteps(plan).map(({change, shape}) => intended(shape.table, change));
  for (const sweep of plan.sweeps) {
    const {table} = sweep.shape;
    for await (const changes of source.changes(sweep))
      yield changes.map((change) => intended(table, change));
  }
  for (const fill of plan.fills) {
    const {table} = fill.shape;
    for await (const some of source.rows(fill))
      yield some.map(({key, text}) => ({table, key, before: null, after: text}));
  }
}

function intended(table: string, change: RowChange): IntendedRow {
  return {
    table,
    key: change.key,
    before: change.op === 'insert' ? null : change.before.text,
    after: change.op === 'delete' ? null : change.after.text,
  };
}

/** The same rows as JSON, some at a time. */
async function* partsOf(
  lists: AsyncIterable<readonly IntendedRow[]>,
): AsyncGenerator<string, void> {
  let rows: IntendedRow[] = [];
  let size = 0;
  for await (const list of lists) {
    for (const row of list) {
      const characters = (row.before?.length ?? 0) + (row.after?.length ?? 0);
      if (size + characters > UNDO_PART_CHARS && rows.length > 0) {
        yield JSON.stringify(rows);
        [rows, size] = [[], 0];
      }
      rows.push(row);
      size += characters;
    }
  }
  if (rows.length > 0) yield JSON.stringify(rows);
}

/**
 * Reads an intent, also of an older release, which kept nothing but the rows: with as many of these as the body holds.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where the state was damaged; nothing of it is quoted.
 */
export function decodeIntent(body: string): Intent {
  const parsed = intentSchema.safeParse(jsonOf(body));
  if (!parsed.success) throw damaged();
  const {rows, all = rows?.length ?? 0, tables, conflicts, ...others} = parsed.data;
  return {rows: rows ?? undefined, all, tables, conflicts, ...others};
}

/** As `decodeIntent`, with all of the rows. @throws as `rowsIn`. */
export async function wholeIntent(body: string, parts: Parts): Promise<Intent> {
  const intent = decodeIntent(body);
  if (intent.rows === undefined) return intent;
  const rows: IntendedRow[] = [];
  for await (const some of rowsIn(intent, parts)) for (const row of some) rows.push(row);
  return {...intent, rows};
}

/** The rows of an intent, part by part. @throws {EngineError} `SNAPSHOT_CORRUPT`, as `decodeIntent`; in the end also where some are missing. */
export async function* rowsIn(
  {rows, all}: Intent,
  parts: Parts,
): AsyncGenerator<readonly IntendedRow[], void> {
  if (rows === undefined) return;
  yield rows;
  let given = rows.length;
  for await (const part of parts) {
    const parsed = rowsSchema.safeParse(jsonOf(part));
    if (!parsed.success) throw damaged();
    yield parsed.data;
    given += parsed.data.length;
  }
  if (given !== all) throw damaged();
}

type Parts = AsyncIterable<string> | Iterable<string>;

const count = z.int().min(0);
const key = z.string().refine(isKey);
const rowsSchema = z.array(
  z
    .strictObject({
      table: z.string(),
      key,
      before: z.string().nullable(),
      after: z.string().nullable(),
    })
    .refine(({before, after}) => before !== null || after !== null),
);
const intentSchema = z.strictObject({
  rows: rowsSchema.nullable(),
  all: count.optional(),
  tables: z
    .record(z.string(), z.strictObject({inserted: count, updated: count, deleted: count}))
    .optional(),
  cascades: z.record(z.string(), count).default({}),
  dangling: z
    .array(
      z.strictObject({
        name: z.string(),
        violations: z.array(
          z.strictObject({
            columns: z.array(z.string()),
            parent: z.string(),
            count,
            values: z.array(key).optional(),
          }),
        ),
      }),
    )
    .default([]),
  groups: z.array(z.strictObject({table: z.string(), group: z.string(), rows: count})).default([]),
  conflicts: conflictsSchema.optional(),
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its error would quote rows
  }
}

function damaged(): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', 'the record of an apply in the state is damaged', {
    hint: 'Replicate --snapshot names an earlier snapshot to go back to.',
  });
}
