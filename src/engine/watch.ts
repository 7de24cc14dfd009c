/** Tells a primary cheaply whether its rows still are those that it captured last. */
import type {Digest} from '../canonical/digest.ts';
import type {Database} from '../database/port.ts';
import {openSqlite} from '../database/sqlite/database.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {Manifest} from '../snapshot/manifest.ts';
import {isDoubtful, lastClaim} from './claims.ts';
import {sameContent} from './make-manifest.ts';
import {databasePath, peekAtState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {readSource} from './read-source.ts';
import {sourcePrint} from './source-print.ts';
import {recordedManifest} from './recorded.ts';

/**
 * `quiet`: nothing was committed since the look before, and no row was read. `same`: the rows are those of the snapshot captured
 * last. `different`: they are not, or nobody knows.
 */
export type Look = 'quiet' | 'same' | 'different';

type Recorded = {readonly digest: Digest; readonly manifest: Manifest};

/** Holds one read-only connection to the database, outside of any transaction, between looks. */
export class Watch {
  readonly #options: EngineOptions;
  #database: Database | undefined;
  /** Of the last look that found the rows captured. */
  #commits: number | undefined;
  /** The snapshot that was found to hold the rows, and the print of the rows that it holds. */
  #seen: {readonly digest: Digest; readonly print: string} | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Asks no store. @throws {EngineError} as `capture` does where the rows cannot be read. */
  async look(signal?: AbortSignal): Promise<Look> {
    const database = await this.#open();
    const commits = await database.commits();
    if (commits === this.#commits) return 'quiet';
    this.#commits = undefined;
    const captured = await this.#captured();
    if (captured === undefined || !(await this.#holds(database, captured, signal)))
      return 'different';
    this.#commits = commits; // what was committed while the rows were read is found at the next look
    return 'same';
  }

  async close(): Promise<void> {
    await this.#database?.close();
    this.#database = undefined;
    this.#commits = undefined;
    this.#seen = undefined;
  }

  /** A file that was put in the place of the other is another database. */
  async #open(): Promise<Database> {
    if (this.#database?.isCurrent() === false) await this.close();
    return (this.#database ??= openSqlite({path: databasePath(this.#options.database)}));
  }

  /** What this instance captured last; undefined where its records do not say. */
  async #captured(): Promise<Recorded | undefined> {
    return peekAtState(this.#options, async (state) => {
      const position = await state?.position();
      if (state === undefined || position?.trusted !== true) return undefined;
      if (position.author !== state.instance.id) return undefined;
      if (isDoubtful(await lastClaim(state), [position])) return undefined;
      try {
        return {digest: position.digest, manifest: recordedManifest(position)};
      } catch (error) {
        if (isEngineError(error, 'SNAPSHOT_CORRUPT')) return undefined;
        throw error;
      }
    });
  }

  /** Beside an application that writes all day, most looks find the rows as they were at the look before. */
  async #holds(
    database: Database,
    {digest, manifest}: Recorded,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const {engine} = database.capabilities;
    const options = {...this.#options, signal};
    return database.view(async (view) => {
      const print = await sourcePrint(view, options);
      const isSeen = this.#seen?.digest === digest && this.#seen.print === print;
      if (isSeen) return true;
      const captured = await readSource(view, options, engine);
      const holds = sameContent(manifest, captured);
      this.#seen = holds ? {digest, print} : undefined;
      return holds;
    });
  }
}
