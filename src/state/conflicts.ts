/** The conflicts that wait for a decision, and those that were decided but not carried out yet. */
import {z} from 'zod';
import type {Kysely} from '../database/sqlite/local.ts';
import type {WireCell} from '../kernel/row.ts';
import {jsonOf} from './json.ts';
import type {StateTables} from './schema.ts';

/** Cells by the names of their columns; null where there is no row. Secrets, as rows are. */
export type ConflictCells = Readonly<Record<string, WireCell>> | null;

export type StoredConflict = {
  readonly table: string;
  /** Encoded key of the row. */
  readonly key: string;
  readonly kind: string;
  /** The cells that it is about; empty where it is about the row. */
  readonly columns: readonly string[];
  /** Those cells (of a row: all of them) last applied, here, and in the snapshot. */
  readonly base: ConflictCells;
  readonly ours: ConflictCells;
  readonly theirs: ConflictCells;
  /** The snapshot that it came with. */
  readonly epoch: number;
  readonly sequence: number;
  readonly digest: string;
  /** When it was found, ISO 8601; for people. */
  readonly at: string;
  /** What was decided, and the next replicate carries out; null while it is open. */
  readonly take: 'ours' | 'theirs' | null;
};

const cells = z.record(z.string(), z.custom<WireCell>()).nullable();
const conflictSchema = z.strictObject({
  table: z.string(),
  key: z.string(),
  kind: z.string(),
  columns: z.array(z.string()),
  base: cells,
  ours: cells,
  theirs: cells,
  epoch: z.int(),
  sequence: z.int(),
  digest: z.string(),
  at: z.string(),
  take: z.enum(['ours', 'theirs']).nullable(),
});

/** As intents carry them. */
export const conflictsSchema: z.ZodType<readonly StoredConflict[]> = z.array(conflictSchema);

/** In order of table and key. One that got damaged is left out: it is found again where it matters. */
export async function listConflicts(db: Kysely<StateTables>): Promise<readonly StoredConflict[]> {
  const rows = await db
    .selectFrom('conflict')
    .select('body')
    .orderBy('table')
    .orderBy('key')
    .execute();
  return rows.flatMap(({body}) => {
    const parsed = conflictSchema.safeParse(jsonOf(body));
    return parsed.success ? [parsed.data] : [];
  });
}

/** Puts these in place of all that were there. */
export async function replaceConflicts(
  tx: Kysely<StateTables>,
  conflicts: readonly StoredConflict[],
): Promise<void> {
  await tx.deleteFrom('conflict').execute();
  for (const conflict of conflicts) {
    const {table, key, digest} = conflict;
    await tx
      .insertInto('conflict')
      .values({table, key, digest, body: JSON.stringify(conflict)})
      .execute();
  }
}
