/** A primary and a replica with their store and state in one folder, which can be put back as it was. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, relative} from 'node:path';
import {noProgress, silentLog, type EngineOptions} from '../../src/index.ts';
import {
  main,
  project,
  runProcess,
  type CliResult,
  type ProcessOptions,
} from '../helpers/run-process.ts';
import type {Orders} from './steps.ts';

export type Side = 'primary' | 'replica';

export class Place {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'rowplica-crash-'));
  readonly primary: string = join(this.folder, 'primary.db');
  readonly replica: string = join(this.folder, 'replica.db');
  readonly store: string;
  readonly #tables: readonly string[];

  constructor(tables: readonly string[], kind: 'dir' | 'restic' = 'dir') {
    this.#tables = tables;
    this.store = `${kind}:${join(this.folder, 'store')}`;
  }

  database(side: Side): string {
    return side === 'primary' ? this.primary : this.replica;
  }

  state(side: Side): string {
    return `${this.database(side)}-state`;
  }

  options(side: Side): EngineOptions {
    return {
      database: this.database(side),
      store: this.store,
      state: this.state(side),
      tables: this.#tables,
      env: environment(),
      log: silentLog,
      progress: noProgress,
    };
  }

  /** Runs a command in a process of its own, with failpoints. */
  async run(
    side: Side,
    args: readonly string[],
    orders: Omit<Orders, 'places'> = {},
    onStart?: ProcessOptions['onStart'],
  ): Promise<CliResult> {
    const {database, state, store, staging} = this.paths(side);
    const places = {database, state, staging, store};
    return runProcess(
      process.execPath,
      ['--import', join(project, 'test/crash/steps.ts'), main, ...this.#options(side, args)],
      {env: {...environment(), CRASH: JSON.stringify({places, ...orders})}, onStart},
    );
  }

  /** Runs a command under another program, such as one that makes system calls fail. */
  async runUnder(
    [program, ...before]: readonly [string, ...string[]],
    side: Side,
    args: readonly string[],
  ): Promise<CliResult> {
    const own = [process.execPath, main, ...this.#options(side, args)];
    return runProcess(program, [...before, ...own], {env: environment()});
  }

  paths(side: Side): Record<'database' | 'state' | 'own' | 'staging' | 'store', string> {
    const own = join(this.state(side), 'instances', `${side}.db`);
    return {
      database: this.database(side),
      state: this.state(side),
      own,
      staging: join(own, 'staging'),
      store: join(this.folder, 'store'),
    };
  }

  #options(side: Side, args: readonly string[]): readonly string[] {
    const shared = ['--database', this.database(side), '--state', this.state(side)];
    const named = args[0] === 'undo' ? [] : ['--store', this.store, ...this.#tableOptions()];
    return [...args, ...shared, ...named];
  }

  #tableOptions(): readonly string[] {
    return this.#tables.flatMap((name) => ['--tables', name]);
  }

  /** All files by their path in the folder. A shared memory file holds nothing that lasts. */
  files(): readonly string[] {
    return readdirSync(this.folder, {recursive: true, withFileTypes: true})
      .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)));
  }

  keep(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.files().map((path) => [path, readFileSync(join(this.folder, path))]));
  }

  /** Files that are still there are overwritten: a database that is another file would be another instance. */
  putBack(kept: ReadonlyMap<string, Uint8Array>): void {
    for (const path of this.files()) {
      if (!kept.has(path)) rmSync(join(this.folder, path));
    }
    for (const side of ['primary', 'replica'] as const)
      rmSync(`${this.database(side)}-shm`, {force: true});
    for (const [path, bytes] of kept) {
      const full = join(this.folder, path);
      if (existsSync(full) && readFileSync(full).equals(bytes)) continue;
      mkdirSync(dirname(full), {recursive: true});
      writeFileSync(full, bytes);
    }
    removeEmptyFolders(this.folder);
  }

  remove(): void {
    rmSync(this.folder, {recursive: true, force: true});
  }
}

let home: string | undefined;

/** Nothing of the machine's own settings. restic's cache and compiled code are shared by all places of a process. */
function environment(): NodeJS.ProcessEnv {
  if (home === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'rowplica-crash-home-'));
    process.once('exit', () => rmSync(made, {recursive: true, force: true}));
    home = made;
  }
  return {
    PATH: process.env['PATH'],
    HOME: home,
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(home, 'compiled'),
    RESTIC_PASSWORD: 'correct-horse-battery',
    RESTIC_CACHE_DIR: join(home, 'cache'),
  };
}

/** A folder of a directory store that is there counts as a snapshot. */
function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, {withFileTypes: true})) {
    if (!entry.isDirectory()) continue;
    const inner = join(folder, entry.name);
    removeEmptyFolders(inner);
    if (readdirSync(inner).length === 0) rmdirSync(inner);
  }
}
