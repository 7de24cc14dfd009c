/** What a service remembers across restarts, by name. */
import type {Kysely} from '../database/sqlite/local.ts';
import {jsonOf} from './json.ts';
import type {StateTables} from './schema.ts';

/** Undefined where nothing was noted, or what was got damaged. */
export async function readFact(db: Kysely<StateTables>, name: string): Promise<unknown> {
  const row = await db
    .selectFrom('fact')
    .select('body')
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? undefined : jsonOf(row.body);
}

export async function writeFact(
  tx: Kysely<StateTables>,
  name: string,
  fact: unknown,
): Promise<void> {
  const body = JSON.stringify(fact);
  await tx
    .insertInto('fact')
    .values({name, body})
    .onConflict((conflict) => conflict.column('name').doUpdateSet({body}))
    .execute();
}
