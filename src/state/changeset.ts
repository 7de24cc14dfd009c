/** What is about to be written, and what was: the first rows with all else, the others in parts that are taken one at a time. */
import type {Insertable, Kysely} from '../database/sqlite/local.ts';
import {must} from '../kernel/assert.ts';
import {UNDO_BATCH_CHARS} from '../kernel/limits.ts';
import type {StateTables} from './schema.ts';

/** A change set as it is to be kept. Parts are JSON each; that they can be made is known only at the end. */
export type Intended = {
  readonly body: string;
  readonly parts?: AsyncIterable<string> | undefined;
};

/** Runs work on the state in a transaction. */
export type Write = <T>(work: (tx: Kysely<StateTables>) => Promise<T>) => Promise<T>;

type Values = Omit<Insertable<StateTables['changeset']>, 'body' | 'status'>;

/**
 * Adds a change set that is intended once all of its parts are there, and returns its number. Parts come in transactions of their own: one
 * that stayed open while they are made would lock out whoever reads beside it.
 */
export async function addChangeset(
  write: Write,
  values: Values,
  {body, parts}: Intended,
): Promise<number> {
  const batches = inBatches(parts ?? []);
  const first = await batches.next();
  if (first.done === true) return write((tx) => insert(tx, {...values, body, status: 'intended'}));
  const id = await write((tx) => insert(tx, {...values, body, status: 'preparing'}));
  try {
    let from = 0;
    let batch: IteratorResult<readonly string[], void> = first;
    for (; batch.done !== true; batch = await batches.next()) {
      const {value} = batch;
      await write((tx) => insertParts(tx, {id, from}, value));
      from += value.length;
    }
    await write((tx) => markIntended(tx, id));
  } catch (error) {
    await write((tx) => drop(tx, id)).catch(() => {}); // it stands for nothing, and goes before the next one
    throw error;
  }
  return id;
}

async function* inBatches(
  parts: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<readonly string[], void> {
  let batch: string[] = [];
  let size = 0;
  for await (const part of parts) {
    batch.push(part);
    size += part.length;
    if (size < UNDO_BATCH_CHARS) continue;
    yield batch;
    [batch, size] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** What a run that died left unfinished goes first. */
async function insert(
  tx: Kysely<StateTables>,
  values: Insertable<StateTables['changeset']>,
): Promise<number> {
  await tx.deleteFrom('changeset').where('status', '=', 'preparing').execute();
  const row = await tx.insertInto('changeset').values(values).returning('id').executeTakeFirst();
  return must(row, 'an insert returns its row').id;
}

async function insertParts(
  tx: Kysely<StateTables>,
  {id, from}: {readonly id: number; readonly from: number},
  parts: readonly string[],
): Promise<void> {
  for (const [at, rows] of parts.entries())
    await tx
      .insertInto('changeset_part')
      .values({changeset: id, part: from + at, rows})
      .execute();
}

async function markIntended(tx: Kysely<StateTables>, id: number): Promise<void> {
  await tx.updateTable('changeset').set({status: 'intended'}).where('id', '=', id).execute();
}

async function drop(tx: Kysely<StateTables>, id: number): Promise<void> {
  await tx.deleteFrom('changeset').where('id', '=', id).execute();
}

/** The parts of a change set, in order, each read when it is asked for. */
export async function* partsOf(db: Kysely<StateTables>, changeset: number): AsyncGenerator<string> {
  for (let part = 0; ; part++) {
    const row = await db
      .selectFrom('changeset_part')
      .select('rows')
      .where('changeset', '=', changeset)
      .where('part', '=', part)
      .executeTakeFirst();
    if (row === undefined) return;
    yield row.rows;
  }
}
