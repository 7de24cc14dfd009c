/** What is about to be written, and what was: the first rows with all else, the others in parts that are taken one at a time. */
import type {Insertable, Kysely} from '../database/sqlite/local.ts';
import {must} from '../kernel/assert.ts';
import type {StateTables} from './schema.ts';

/** A change set as it is to be kept. Parts are JSON each; that they can be made is known only at the end. */
export type Intended = {
  readonly body: string;
  readonly parts?: AsyncIterable<string> | undefined;
};

/** Adds a change set with all of its parts, and returns its number. */
export async function addChangeset(
  tx: Kysely<StateTables>,
  values: Omit<Insertable<StateTables['changeset']>, 'body'>,
  {body, parts}: Intended,
): Promise<number> {
  const row = await tx
    .insertInto('changeset')
    .values({...values, body})
    .returning('id')
    .executeTakeFirst();
  const {id} = must(row, 'an insert returns its row');
  let part = 0;
  for await (const rows of parts ?? [])
    await tx.insertInto('changeset_part').values({changeset: id, part: part++, rows}).execute();
  return id;
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
