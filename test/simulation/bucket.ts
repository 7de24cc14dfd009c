/** A store in memory that is slow, shows things late and out of order, and fails: before it did what was asked, or after. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {EngineError} from '../../src/kernel/errors.ts';
import type {AliveRef, SnapshotRef, Store} from '../../src/store/port.ts';
import type {World} from './world.ts';

type Stored = {
  readonly ref: SnapshotRef;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly shownMs: number;
};

type Sign = {readonly ref: AliveRef; readonly shownMs: number};

/** How often what goes wrong, and how long things take. */
export type Weather = {
  readonly failing: number;
  readonly lateness: number;
  readonly delayMs: number;
};

export const CALM: Weather = {failing: 0, lateness: 0, delayMs: 50};

export type Caller = {
  readonly name: string;
  /** Throws where the caller was killed meanwhile. */
  check(): void;
  /** The time by its clock. */
  wall(): Date;
};

function unasked(): never {
  throw new Error('broken invariant: nobody cares for the bucket');
}

export class Bucket {
  weather: Weather = CALM;
  /** Nobody reaches it until then. */
  awayUntilMs = 0;
  readonly snapshots: Stored[] = [];
  /** Who wrote under which id. */
  readonly authors = new Map<string, string>();
  readonly #world: World;
  #signs: Sign[] = [];
  #isMade = false;
  #ids = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The store as one instance sees it. */
  storeOf(caller: Caller): Store {
    const call = async <T>(what: string, mayLock: boolean, work: () => T): Promise<T> => {
      await this.#pass(caller);
      this.#fail(what, mayLock);
      const result = work();
      await this.#pass(caller);
      this.#fail(what, false);
      return result;
    };
    const look = async (): Promise<{snapshots: SnapshotRef[]; alive: AliveRef[]}> =>
      call('look', false, () => {
        this.#mustBeThere();
        const shown = ({shownMs}: {readonly shownMs: number}): boolean =>
          shownMs <= this.#world.nowMs;
        return {
          snapshots: this.snapshots.filter(shown).map(({ref}) => ref),
          alive: this.#signs.filter(shown).map(({ref}) => ref),
        };
      });
    return {
      name: 'the bucket',
      list: async () => (await look()).snapshots,
      look,
      create: async () => call('create', true, () => void (this.#isMade = true)),
      save: async ({folder, files, label}) =>
        call('save', true, () => {
          this.#mustBeThere();
          const contents = files.map((file) => [file, readFileSync(join(folder, file))] as const);
          const ref = {...label, storeId: this.#newId(), time: caller.wall().toISOString()};
          this.authors.set(label.author, caller.name);
          this.snapshots.push({ref, files: new Map(contents), shownMs: this.#shownMs()});
          return ref;
        }),
      beat: async (label, earlier) =>
        call('beat', true, () => {
          this.#mustBeThere();
          const old = new Set(earlier.map(({storeId}) => storeId));
          this.#signs = this.#signs.filter(({ref}) => !old.has(ref.storeId));
          const ref = {...label, storeId: this.#newId(), time: caller.wall().toISOString()};
          this.#signs.push({ref, shownMs: this.#shownMs()});
        }),
      fetch: async ({storeId}, {files, into}) =>
        call('fetch', false, () => {
          const stored = this.snapshots.find(({ref}) => ref.storeId === storeId);
          for (const file of files) {
            const bytes = stored?.files.get(file);
            if (bytes === undefined) throw new EngineError('SNAPSHOT_INCOMPLETE', `no ${file}`);
            mkdirSync(dirname(join(into, file)), {recursive: true});
            writeFileSync(join(into, file), bytes);
          }
        }),
      forget: async () => unasked(),
      prune: async () => unasked(),
      check: async () => unasked(),
      newestForeign: async () => undefined,
      unlock: async () => {},
    };
  }

  #newId(): string {
    return `id${String(this.#ids++).padStart(6, '0')}`;
  }

  /** Not in the order in which things are stored. */
  #shownMs(): number {
    const isLate = this.#world.chance(this.weather.lateness);
    return this.#world.nowMs + (isLate ? this.#world.between(1_000, 25_000) : 0);
  }

  async #pass(caller: Caller): Promise<void> {
    await this.#world.sleep(this.#world.between(0, this.weather.delayMs));
    caller.check();
  }

  #fail(what: string, mayLock: boolean): void {
    const isAway = this.#world.nowMs < this.awayUntilMs;
    if (!isAway && !this.#world.chance(this.weather.failing)) return;
    const code = mayLock && this.#world.chance(0.3) ? 'STORE_LOCKED' : 'STORE_UNREACHABLE';
    throw new EngineError(code, `the bucket: ${what} failed`, {retryable: true});
  }

  #mustBeThere(): void {
    if (!this.#isMade) throw new EngineError('STORE_MISSING', 'there is no bucket');
  }
}
