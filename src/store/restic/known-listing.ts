/** What restic listed last, for as long as the repository's folder shows that it would list the same again. */
import {setTimeout as sleep} from 'node:timers/promises';
import {z} from 'zod';
import {digestOf} from '../../canonical/digest.ts';
import {LISTING_KEPT_MAX, LISTING_LOOK_MS} from '../../kernel/limits.ts';
import {labelOf} from '../label.ts';
import type {Looked, SnapshotRef} from '../port.ts';
import {printPassword, secretOf, type PasswordPrint} from './password-print.ts';
import {printOf, type RepositoryPrint} from './repository-print.ts';

/** Where a list is kept from one process to the next. What is read there is checked. */
export type ListingShelf = {
  read(): Promise<unknown>;
  /** Absent where nothing may be written. */
  readonly keep?: ((listing: unknown) => Promise<void>) | undefined;
};

type Options = {
  readonly localPath: string;
  /** The restic that is asked. */
  readonly binary: string;
  /** As restic gets it. */
  readonly env: NodeJS.ProcessEnv;
  readonly shelf: ListingShelf;
  readonly signal: AbortSignal | undefined;
};

/** A list, and where it holds. */
type Listing = {
  readonly repository: string;
  /** Digest of the ids of all snapshots. */
  readonly ids: string;
  readonly looked: Looked;
};

type InMemory = Listing & {
  /** The restic that gave it, or was there when it was read. */
  readonly binary: string;
  readonly secret: string;
  readonly password: PasswordPrint;
};

/** The last one of this process: its calls, each with a store of its own, ask for one and the same. */
let last: InMemory | undefined;
/** Folders of disks that did not answer: each look at one holds a thread of this process until they do. */
const hanging = new Set<string>();

/**
 * restic takes half a second to derive its key before it lists anything; reading the names of a repository's snapshots takes
 * milliseconds. The list from before is given where the repository, its keys, the ids of all its snapshots and the password are the
 * same as then; else restic is asked.
 */
export class KnownListing {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * @param ask Has restic list.
   * @param probe Makes sure that there is a restic; called where another process asked it.
   */
  async look(ask: () => Promise<Looked>, probe: () => Promise<unknown>): Promise<Looked> {
    const {binary, env, signal} = this.#options;
    const [seen, secret] = await Promise.all([this.#see(), secretOf(env)]);
    if (seen === undefined || secret === undefined || signal?.aborted === true) return ask();
    if (last?.secret === secret && last.binary === binary && isOf(last, seen)) return last.looked;
    const kept = await this.#shelved(seen, secret, probe);
    if (kept !== undefined) {
      last = kept;
      return kept.looked;
    }
    const [looked, password] = await Promise.all([ask(), printPassword(secret)]);
    // What was stored or removed meanwhile may be in the list, or not.
    if (isSame(seen, await this.#see()) && isAmong(looked, seen))
      await this.#keep({...listing(seen, looked), binary, secret, password});
    return looked;
  }

  /** A snapshot was stored: where nobody else stored or removed anything since the last look, the list is known. */
  async add(ref: SnapshotRef): Promise<void> {
    const before = last;
    const seen = await this.#see();
    if (before === undefined || seen?.ids.includes(ref.storeId) !== true) return;
    const rest = {...seen, ids: seen.ids.filter((id) => id !== ref.storeId)};
    if (!isOf(before, rest)) return;
    const looked = {...before.looked, snapshots: [...before.looked.snapshots, ref]};
    await this.#keep({...before, ...listing(seen, looked)});
  }

  async #see(): Promise<RepositoryPrint | undefined> {
    const {localPath} = this.#options;
    if (hanging.has(localPath)) return undefined;
    hanging.add(localPath);
    const seeing = printOf(localPath, LISTING_KEPT_MAX).finally(() => hanging.delete(localPath));
    return inTime(seeing);
  }

  async #shelved(
    seen: RepositoryPrint,
    secret: string,
    probe: () => Promise<unknown>,
  ): Promise<InMemory | undefined> {
    const kept = shelvedSchema.safeParse(await this.#options.shelf.read()).data;
    if (kept === undefined || !isOf(kept, seen)) return undefined;
    const [password] = await Promise.all([printPassword(secret, kept.password.salt), probe()]);
    if (password.hash !== kept.password.hash) return undefined;
    const {snapshots, alive} = kept;
    const {binary} = this.#options;
    return {...listing(seen, {snapshots, alive}), binary, secret, password};
  }

  async #keep(now: InMemory): Promise<void> {
    last = now;
    const {repository, ids, password} = now;
    await this.#options.shelf.keep?.({repository, ids, password, ...now.looked});
  }
}

function listing({repository, ids}: RepositoryPrint, looked: Looked): Listing {
  return {repository, ids: digestOf(ids.join()), looked};
}

function isOf(known: Pick<Listing, 'repository' | 'ids'>, seen: RepositoryPrint): boolean {
  return known.repository === seen.repository && known.ids === digestOf(seen.ids.join());
}

function isSame(before: RepositoryPrint, after: RepositoryPrint | undefined): boolean {
  return before.repository === after?.repository && before.ids.join() === after.ids.join();
}

/** What came and went between two looks at the folder may have been listed. */
function isAmong({snapshots, alive}: Looked, {ids}: RepositoryPrint): boolean {
  const known = new Set(ids);
  return [...snapshots, ...alive].every(({storeId}) => known.has(storeId));
}

/** A disk that does not answer must not keep whoever has time limits from asking restic, which has. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  return Promise.race([work, sleep(LISTING_LOOK_MS, undefined, {ref: false})]);
}

const refSchema = z
  .object({
    storeId: z.hash('sha256'),
    time: z.iso.datetime(),
    lineage: z.unknown(),
    epoch: z.unknown(),
    sequence: z.unknown(),
    digest: z.unknown(),
    author: z.unknown(),
    parent: z.unknown().optional(),
  })
  .transform(({storeId, time, ...fields}, context) => {
    const label = labelOf(fields);
    if (label !== undefined) return {...label, storeId, time};
    context.addIssue('no label of a snapshot');
    return z.NEVER;
  });

const shelvedSchema = z.object({
  repository: z.string(),
  ids: z.string(),
  password: z.object({salt: z.string(), hash: z.string()}),
  snapshots: z.array(refSchema),
  alive: z.array(refSchema.transform(({parent: _none, ...sign}) => sign)),
});
