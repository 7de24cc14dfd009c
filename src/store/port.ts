/** Where snapshots are kept. Every implementation passes test/contract/store.contract.ts. */
import type {Position} from '../kernel/position.ts';

/** A snapshot as the store lists it, without reading its manifest. */
export type SnapshotRef = Position & {
  /** Digest of the parent's manifest; absent for the first snapshot of a lineage. */
  readonly parent: string | undefined;
  /** Instance that wrote it. */
  readonly author: string;
  /** The store's own name for it (a restic snapshot id). Not stable across copies of a store. */
  readonly storeId: string;
  /** When it was stored, ISO 8601. For people; decides nothing. */
  readonly time: string;
};

/** What is written with a snapshot, so that `list` can tell it without opening it. */
export type SnapshotLabel = Position & {
  readonly parent: string | undefined;
  readonly author: string;
};

/** A primary's sign of life: who it is, and the newest snapshot that it stands by. */
export type AliveLabel = Omit<SnapshotLabel, 'parent'>;

/** A sign of life as the store lists it. */
export type AliveRef = AliveLabel & {
  /** The store's own name for it: another one for each sign. */
  readonly storeId: string;
  /** When it was stored, ISO 8601. For people; decides nothing. */
  readonly time: string;
};

/** A snapshot of another tool. */
export type ForeignRef = {
  /** When it was stored, by the clock over there, ISO 8601. */
  readonly time: string;
  readonly host: string;
};

export type Looked = {
  readonly snapshots: readonly SnapshotRef[];
  readonly alive: readonly AliveRef[];
};

export type StagedSnapshot = {
  /**
   * Folder that holds exactly the snapshot's files, by relative path: `manifest` and `objects/…`.
   * The same folder at each call of one instance, so that unchanged files are not read again.
   */
  readonly folder: string;
  /** Relative paths of all files in it. */
  readonly files: readonly string[];
  readonly label: SnapshotLabel;
};

export type FetchRequest = {
  /** Relative paths inside the snapshot, for example `manifest` or `objects/3/3f…`. */
  readonly files: readonly string[];
  /** Existing, empty folder that receives them under the same relative paths. */
  readonly into: string;
  /** How many files the whole snapshot has, where known: lets a store fetch all at once. */
  readonly filesTotal?: number | undefined;
};

export type OthersRequest = {
  /** Names of files, whatever folders they are in, for example `3f…`. */
  readonly names: readonly string[];
  /** Existing, empty folder that receives the others under the relative paths that they have inside the snapshot. */
  readonly into: string;
};

export type Store = {
  /** What a person recognises it by. Never holds a credential. */
  readonly name: string;

  /**
   * The snapshots of Rowplica in this store, in no particular order. One round trip.
   *
   * @throws {EngineError} `STORE_MISSING` where there is no repository; an existing one without a
   * snapshot gives an empty list. `STORE_PASSWORD`, `STORE_LOCKED`, `STORE_UNREACHABLE`.
   */
  list(): Promise<readonly SnapshotRef[]>;

  /** What `list` gives, and signs of life: of each author the newest at least. One round trip. @throws as `list`. */
  look(): Promise<Looked>;

  /** The newest snapshot that is not Rowplica's, by its time; undefined where there is none. One round trip. @throws as `list`. */
  newestForeign(): Promise<ForeignRef | undefined>;

  /**
   * Stores a sign of life, and removes earlier ones of the same author as far as locks allow. It is no snapshot: `list`
   * never shows it.
   */
  beat(label: AliveLabel, earlier: readonly AliveRef[]): Promise<void>;

  /**
   * Makes an empty repository where there is none. Only a capture calls it, and only after `list`
   * threw `STORE_MISSING`. Never touches one that exists.
   */
  create(): Promise<void>;

  /**
   * Stores the staged files as one snapshot, durably and all or nothing: a snapshot that `list`
   * shows afterwards has every file.
   */
  save(staged: StagedSnapshot): Promise<SnapshotRef>;

  /**
   * Copies files of one snapshot out of the store, in one round trip. Contents are not checked here:
   * whoever reads them compares digests.
   *
   * @throws {EngineError} `SNAPSHOT_INCOMPLETE` naming the first file that is not there.
   * `SNAPSHOT_CORRUPT` where the store itself finds its data damaged.
   */
  fetch(ref: SnapshotRef, request: FetchRequest): Promise<void>;

  /**
   * Copies all files of one snapshot but those of these names, in one round trip: what is in a snapshot need not be known for that.
   * False, and nothing is copied, where it would not be quicker than `fetch`. Absent where round trips cost nothing worth sparing.
   *
   * @throws {EngineError} `SNAPSHOT_CORRUPT` where the store itself finds its data damaged.
   */
  readonly fetchOthers?:
    ((ref: SnapshotRef, request: OthersRequest) => Promise<boolean>) | undefined;

  /**
   * Removes snapshots and signs of life, by the store's own names; what is not there any more is none's fault. Whoever is reading
   * one may find files missing from then on. Frees no space: see `prune`.
   */
  forget(storeIds: readonly string[]): Promise<void>;

  /** Frees the space of what no snapshot needs. What is being saved meanwhile, by whomever, stays. */
  prune(): Promise<void>;

  /**
   * Makes sure that all snapshots, anyone's, are there with all their files, and reads one of so many parts of their contents.
   *
   * @throws {EngineError} `STORE_DAMAGED` saying what was found first.
   */
  check(part: CheckPart): Promise<void>;

  /** Removes locks whose owners are gone, by the store's own judgement; never one that may be in use. */
  unlock(): Promise<void>;
};

/** The parts of one round cover everything; `number` begins at 1. */
export type CheckPart = {readonly number: number; readonly of: number};
