/** What a plan is about to write, as it is kept in the state: intent before, undo record after. */
import {z} from 'zod';
import {isKey} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {UNDO_BYTES_MAX} from '../kernel/limits.ts';
import {cascadeCounts, rowSteps, totals, type Plan} from '../plan/plan.ts';
import type {Violations} from '../snapshot/manifest.ts';
import {conflictsSchema, type StoredConflict} from '../state/conflicts.ts';
import {noFills, type FillReader} from './fills.ts';

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
  /** The touched rows; undefined where there were too many to keep. */
  readonly rows: readonly IntendedRow[] | undefined;
  /** How many rows of tables that are not replicated go or change with them: those are not kept. */
  readonly cascades: Readonly<Record<string, number>>;
  readonly dangling: readonly Dangling[];
  /** Of tables matched by what they link, every group that is touched. */
  readonly groups: readonly GroupSize[];
  /** All conflicts that there are afterwards; undefined where they stay as they were. */
  readonly conflicts: readonly StoredConflict[] | undefined;
};

/** Encodes what a plan is about to write; one too large to keep gives an intent without rows. */
export async function encodeIntent(
  plan: Plan,
  {
    dangling = [],
    groups = [],
    trimmed = new Map<string, number>(),
    conflicts,
    fills = noFills,
  }: Partial<Pick<Intent, 'dangling' | 'groups' | 'conflicts'>> & {
    /** Rows of tables that are not replicated which went before the plan, by table. */
    readonly trimmed?: ReadonlyMap<string, number>;
    /** Gives the rows of tables that are filled. */
    readonly fills?: FillReader;
  } = {},
): Promise<string> {
  const cascades = Object.fromEntries(totals(cascadeCounts(plan), trimmed));
  const rows = await touchedRows(plan, fills);
  const others = JSON.stringify({cascades, dangling, groups, conflicts});
  return `{"rows":${rows ?? null},${others.slice(1)}`;
}

/** As JSON, put together of parts: rows that are filled are in memory only a chunk at a time, other than their text. */
async function touchedRows(plan: Plan, fills: FillReader): Promise<string | undefined> {
  let size = 0;
  const rows: IntendedRow[] = [];
  for (const {change, shape} of rowSteps(plan)) {
    const before = change.op === 'insert' ? null : change.before.text;
    const after = change.op === 'delete' ? null : change.after.text;
    size += (before?.length ?? 0) + (after?.length ?? 0);
    if (size > UNDO_BYTES_MAX) return undefined;
    rows.push({table: shape.table, key: change.key, before, after});
  }
  if (fills.isLarge(plan.fills, size)) return undefined;
  const parts = rows.length === 0 ? [] : [listed(rows)];
  for (const fill of plan.fills) {
    const {table} = fill.shape;
    for await (const some of fills.rows(fill))
      parts.push(listed(some.map(({key, text}) => ({table, key, before: null, after: text}))));
  }
  return `[${parts.join(',')}]`;
}

/** The elements of a list as JSON, without its brackets. */
function listed(rows: readonly IntendedRow[]): string {
  return JSON.stringify(rows).slice(1, -1);
}

/**
 * Reads an intent, also of an older release, which kept nothing but the rows.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where the state was damaged; nothing of it is quoted.
 */
export function decodeIntent(body: string): Intent {
  const parsed = intentSchema.safeParse(jsonOf(body));
  if (!parsed.success) throw damaged();
  const {rows, cascades, dangling, groups, conflicts} = parsed.data;
  return {rows: rows ?? undefined, cascades, dangling, groups, conflicts};
}

const count = z.int().min(0);
const key = z.string().refine(isKey);
const intentSchema = z.strictObject({
  rows: z
    .array(
      z
        .strictObject({
          table: z.string(),
          key,
          before: z.string().nullable(),
          after: z.string().nullable(),
        })
        .refine(({before, after}) => before !== null || after !== null),
    )
    .nullable(),
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
