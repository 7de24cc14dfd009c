/**
 * Rowplica's own state of one database: where it stands, what it was about to write, what it wrote.
 *
 * What is recorded is never ahead of the database. Losing the folder costs time, never rows.
 */
import {mkdtempSync} from 'node:fs';
import {join} from 'node:path';
import {localAge, onLocal, openLocal, type Kysely} from '../database/sqlite/local.ts';
import type {Digest} from '../canonical/digest.ts';
import type {Position} from '../kernel/position.ts';
import {addChangeset, type Intended} from './changeset.ts';
import {listConflicts, replaceConflicts, type StoredConflict} from './conflicts.ts';
import {guarded, isThere, keepToOwner, makeFolder, removeAll} from './files.ts';
import {readFact, writeFact} from './facts.ts';
import {identify, whoseState, type Identity} from './identity.ts';
import {instanceFolder, takeLock, type StateOptions} from './lock.ts';
import {ObjectFolder, peekObject} from './object-folder.ts';
import {distrustPosition, movePosition, reached, type NewPosition} from './position-row.ts';
import {PrintFile} from './print-file.ts';
import {stateMigrations, type StateTables} from './schema.ts';
import {dropExpired, encodePrevious, UndoRecords} from './undo-records.ts';

export type {NewPosition} from './position-row.ts';

export type StoredPosition = Position & {
  readonly author: string;
  readonly manifest: Uint8Array;
  /** False once something happened that may have moved the rows away from the manifest. */
  readonly trusted: boolean;
  /** True while local edits can be told from the manifest: nothing else was merged into the rows since. */
  readonly isBase: boolean;
  readonly domains: string | null;
  /** When it was reached, ISO 8601; for people. */
  readonly at: string;
};

export type Changeset = NewPosition & {
  readonly id: number;
  readonly at: string;
  readonly body: string;
  /** The change set that it takes back, where it is an undo. */
  readonly undoes: number | null;
  /** Not 0 once database or state were put back from a copy: the rows cannot tell any more what became of it. */
  readonly doubted: number;
};

type Outcome = {
  readonly trusted?: boolean | undefined;
  /** All conflicts that there are now; undefined leaves them as they are. */
  readonly conflicts?: readonly StoredConflict[] | undefined;
};

export class State {
  /** Identity of this instance, made once. Its host name stays stable when a container's does not. */
  readonly instance: Identity;
  readonly folder: string;
  readonly undos: UndoRecords;
  /** Of the rows of the database, as far as they were captured. */
  readonly prints: PrintFile;
  readonly #db: Kysely<StateTables>;
  readonly #release: () => void;
  #objects: ObjectFolder | undefined;

  constructor(folder: string, db: Kysely<StateTables>, instance: Identity, release: () => void) {
    this.folder = folder;
    this.prints = new PrintFile(folder);
    this.instance = instance;
    this.#db = db;
    this.#release = release;
    this.undos = new UndoRecords(db, (work) => this.#write(work));
  }

  /** Objects of the snapshot that was last captured or applied. */
  get objects(): ObjectFolder {
    return (this.#objects ??= new ObjectFolder(join(this.folder, 'staging')));
  }

  /** An object of the snapshot last captured or applied, read beside a process that may be writing. */
  peekObject(digest: Digest): Uint8Array | undefined {
    return this.#objects?.read(digest) ?? peekObject(join(this.folder, 'staging'), digest);
  }

  /** A new empty folder for files on their way; the caller removes it. */
  temporary(): string {
    const parent = join(this.folder, 'tmp');
    makeFolder(parent);
    return guarded(parent, () => mkdtempSync(join(parent, 'fetch-')));
  }

  async position(): Promise<StoredPosition | undefined> {
    const row = await this.#db.selectFrom('position').selectAll().executeTakeFirst();
    if (row === undefined) return undefined;
    const {isCopy} = this.instance;
    return {...row, trusted: row.trusted === 1 && !isCopy, isBase: row.is_base === 1 && !isCopy};
  }

  /**
   * Records where the database stands now. Call it after the fact is durable, never before.
   *
   * @param conflicts All that there are now; undefined leaves them as they are.
   */
  async reach(position: NewPosition, conflicts?: readonly StoredConflict[]): Promise<void> {
    await this.#write(async (tx) => {
      if (conflicts !== undefined) await replaceConflicts(tx, conflicts);
      await movePosition(tx, position);
    });
  }

  async conflicts(): Promise<readonly StoredConflict[]> {
    return listConflicts(this.#db);
  }

  /** Puts these conflicts in place of those that there are. */
  async keepConflicts(conflicts: readonly StoredConflict[]): Promise<void> {
    await this.#write((tx) => replaceConflicts(tx, conflicts));
  }

  /** What was noted under a name; undefined for nothing. Check it: another release may have written it. */
  async fact(name: string): Promise<unknown> {
    return readFact(this.#db, name);
  }

  /** Notes what can be written as JSON, in place of what was noted before. */
  async keepFact(name: string, fact: unknown): Promise<void> {
    await this.#write((tx) => writeFact(tx, name, fact));
  }

  /** The rows may have moved: the next run compares all of them. */
  async distrust(): Promise<void> {
    await this.#write(distrustPosition);
  }

  /** Records durably what is about to be written. */
  async intend(target: NewPosition, intended: Intended): Promise<number> {
    const previous = encodePrevious(await this.position(), await this.conflicts());
    const values = {...reached(target), previous};
    return addChangeset((work) => this.#write(work), values, intended);
  }

  /** The write that was begun and neither finished nor dropped, if a run ended in between. */
  async pending(): Promise<Changeset | undefined> {
    return this.#db
      .selectFrom('changeset')
      .selectAll()
      .where('status', '=', 'intended')
      .orderBy('id', 'desc')
      .executeTakeFirst();
  }

  /** The intended write did not happen. */
  async drop(id: number): Promise<void> {
    await this.#write((tx) => tx.deleteFrom('changeset').where('id', '=', id).execute());
  }

  /**
   * Nobody knows whether the intended write happened: its record stands in the way of undoing those before it.
   *
   * @param domains What is known of the rows all the same.
   */
  async doubt(id: number, domains: NewPosition['domains']): Promise<void> {
    await this.#write(async (tx) => {
      await tx.updateTable('position').set({domains}).execute();
      await tx
        .updateTable('changeset')
        .set({status: 'applied', doubted: 1})
        .where('id', '=', id)
        .execute();
      await distrustPosition(tx, false);
    });
  }

  /** The intended write happened: its record becomes the way back, and the position moves, trusted or to be compared. */
  async applied(
    id: number,
    position: NewPosition,
    {trusted = true, conflicts}: Outcome = {},
  ): Promise<void> {
    await this.#write(async (tx) => {
      if (conflicts !== undefined) await replaceConflicts(tx, conflicts);
      await tx.updateTable('changeset').set({status: 'applied'}).where('id', '=', id).execute();
      await dropExpired(tx);
      await movePosition(tx, position, trusted);
    });
  }

  #write<T>(work: (tx: Kysely<StateTables>) => Promise<T>): Promise<T> {
    return onLocal(this.folder, () => this.#db.transaction().execute(work));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
    this.#release();
  }
}

/**
 * Opens the state of one database for writing; one process at a time.
 *
 * @throws {EngineError} `STATE_IN_USE`, `STATE_UNWRITABLE`, `STATE_DAMAGED`, `STATE_NEWER`, and `CONFIG_INVALID` where
 * the folder belongs to another database of the same name.
 */
export async function openState(options: StateOptions): Promise<State> {
  const folder = instanceFolder(options);
  makeFolder(folder);
  const release = takeLock(folder);
  try {
    removeAll(join(folder, 'tmp')); // left by an interrupted run
    return await onLocal(folder, () =>
      openFolder(folder, release, (db) => {
        keepToOwner(stateFile(folder));
        return identify(db, filesOf(folder, options));
      }),
    );
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Opens the state for reading beside a running writer; undefined where there is none yet. Only one of an older release is
 * written to: it is moved forward, as by its owner.
 *
 * @throws {EngineError} `STATE_DAMAGED`, `STATE_NEWER`, `STATE_UNWRITABLE`; `STATE_IN_USE` where an older one is in use.
 */
export async function peekState(options: StateOptions): Promise<State | undefined> {
  const folder = instanceFolder(options);
  const file = stateFile(folder);
  if (!isThere(file)) return undefined;
  const age = await localAge({path: file, migrations: stateMigrations});
  if (age === 'new') return undefined;
  const look = (): Promise<State> =>
    openFolder(
      folder,
      () => {},
      (db) => whoseState(db, filesOf(folder, options)),
    );
  if (age === 'current') return onLocal(folder, look);
  const release = takeLock(folder);
  try {
    return await onLocal(folder, look);
  } finally {
    release();
  }
}

function filesOf(folder: string, options: StateOptions): StateOptions & {readonly file: string} {
  return {...options, file: stateFile(folder)};
}

const stateFile = (folder: string): string => join(folder, 'state.db');

async function openFolder(
  folder: string,
  release: () => void,
  identityOf: (db: Kysely<StateTables>) => Promise<Identity>,
): Promise<State> {
  const file = stateFile(folder);
  const db = await openLocal<StateTables>({path: file, migrations: stateMigrations});
  try {
    return new State(folder, db, await identityOf(db), release);
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
