/**
 * Whose state this is. A database or a state that was put back from a copy looks like any other from within;
 * that it is another file gives it away.
 */
import {randomUUID} from 'node:crypto';
import {existsSync, statSync} from 'node:fs';
import {hostname} from 'node:os';
import {resolve} from 'node:path';
import type {Kysely} from '../database/sqlite/local.ts';
import {EngineError} from '../kernel/errors.ts';
import {distrustPosition, now} from './position-row.ts';
import type {StateTables} from './schema.ts';

export type Identity = {
  readonly id: string;
  readonly host: string;
  /** True where database or state are other files than those on record, and nothing that is recorded is known. */
  readonly isCopy: boolean;
};

export type IdentifiedFiles = {
  readonly folder: string;
  readonly database: string;
  /** The file of the state itself. */
  readonly file: string;
};

/** Who this instance is, as the state says; nothing is written. */
export async function whoseState(
  db: Kysely<StateTables>,
  files: IdentifiedFiles,
): Promise<Identity> {
  const known = await db.selectFrom('instance').selectAll().executeTakeFirst();
  if (known === undefined) return {id: '', host: hostname(), isCopy: false};
  return {id: known.id, host: known.host, isCopy: isCopy(known, filesNow(files))};
}

/**
 * Who this instance is, on record from now on. Another database file than the one on record (a copy, a restored backup) is
 * another instance: it keeps the position, but not the name under which the first one writes snapshots. Where that
 * or the state is another file, neither the position nor the way back is taken for known.
 *
 * @throws {EngineError} `CONFIG_INVALID` where the state belongs to another database.
 */
export async function identify(db: Kysely<StateTables>, files: IdentifiedFiles): Promise<Identity> {
  const here = filesNow(files);
  const known = await db.selectFrom('instance').selectAll().executeTakeFirst();
  if (known === undefined) {
    const made = {id: randomUUID(), host: hostname()};
    await db
      .insertInto('instance')
      .values({...made, ...here, created: now()})
      .execute();
    return {...made, isCopy: false};
  }
  if (isSame(known, here)) return {id: known.id, host: known.host, isCopy: false}; // nothing to put on record
  if (known.database !== here.database) refuseOther(known.database, here.database, files.folder);
  const id = known.file === here.file ? known.id : randomUUID();
  await db.transaction().execute(async (tx) => {
    if (isCopy(known, here)) {
      await distrustPosition(tx, false);
      await tx.updateTable('changeset').set({doubted: 1}).execute();
    }
    await tx
      .updateTable('instance')
      .set({id, ...here})
      .execute();
  });
  return {id, host: known.host, isCopy: false};
}

type Files = {readonly database: string; readonly file: string; readonly state_file: string};

function filesNow({database, file}: IdentifiedFiles): Files {
  const path = resolve(database);
  return {database: path, file: fileIdentity(path), state_file: fileIdentity(file)};
}

function isSame(known: Files, here: Files): boolean {
  return (
    known.database === here.database &&
    known.file === here.file &&
    known.state_file === here.state_file
  );
}

function isCopy(known: Files, here: Files): boolean {
  const isNoted = known.state_file !== '';
  return known.file !== here.file || (isNoted && known.state_file !== here.state_file);
}

/** Changes when the file is replaced. Only looks at it from outside, which leaves SQLite's locks alone. */
function fileIdentity(path: string): string {
  const stat = statSync(path, {throwIfNoEntry: false});
  return stat === undefined ? '' : [stat.ino, Math.trunc(stat.birthtimeMs)].join(':');
}

/** The same file under another path is fine (a volume mounted elsewhere); another file is not. */
function refuseOther(known: string, path: string, folder: string): void {
  if (!existsSync(known)) return;
  const [a, b] = [statSync(known), statSync(path)];
  if (a.dev === b.dev && a.ino === b.ino) return;
  throw new EngineError(
    'CONFIG_INVALID',
    `the state in ${folder} belongs to another database: ${known}`,
    {
      site: {path: folder},
      hint: 'Give each database a state folder of its own with --state.',
    },
  );
}
