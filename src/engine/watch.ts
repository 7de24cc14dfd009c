/** Tells a primary cheaply whether its rows still are those that it captured last. */
import type {Digest} from '../canonical/digest.ts';
import type {Database} from '../database/port.ts';
import {openSqlite} from '../database/sqlite/database.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {Manifest} from '../snapshot/manifest.ts';
import {isDoubtful, lastClaim} from './claims.ts';
import {KnownChunks} from './known-chunks.ts';
import {sameContent} from './make-manifest.ts';
import {databasePath, peekAtState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {readSource} from './read-source.ts';
import {recordedManifest} from './recorded.ts';
import type {PrintedTables} from '../state/print-file.ts';

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
  /** What the tables held at the look before, or at the last capture. */
  #known: PrintedTables | undefined;
  /** Of the last look, where the rows were others than those captured. */
  #differed: number | undefined;
  /** What was captured since. */
  #capturedSince: Digest | undefined;

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
    if (captured === undefined) return 'different';
    const isOfThese = this.#differed === commits && this.#capturedSince === captured.digest;
    if (!isOfThese && !(await this.#holds(database, captured, signal))) {
      this.#differed = commits;
      this.#capturedSince = undefined;
      return 'different';
    }
    this.#differed = undefined;
    this.#commits = commits; // what was committed while the rows were read is found at the next look
    return 'same';
  }

  /** To be told of a capture that began after the last look: where nothing was committed in between, its rows are those that were found. */
  captured(snapshot: Digest): void {
    this.#capturedSince = snapshot;
  }

  async close(): Promise<void> {
    await this.#database?.close();
    this.#database = undefined;
    this.#commits = undefined;
    this.#known = undefined;
    this.#differed = undefined;
    this.#capturedSince = undefined;
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

  /**
   * Whether the rows are those captured. Beside an application that writes all day, most looks find them as they were at the look before,
   * which their prints show.
   */
  async #holds(
    database: Database,
    {manifest}: Recorded,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const {engine} = database.capabilities;
    const options = {...this.#options, signal};
    const known = new KnownChunks(this.#known ?? (await this.#captureKnew()));
    const captured = await database.view(async (view) =>
      readSource(view, options, engine, {known}),
    );
    this.#known = known.tables;
    return sameContent(manifest, captured);
  }

  async #captureKnew(): Promise<PrintedTables | undefined> {
    return peekAtState(this.#options, async (state) => state?.prints.read());
  }
}
