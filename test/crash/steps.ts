/**
 * Failpoints, loaded into a child process before the program (`node --import`): every step that changes a file, a
 * database or the store gets a name, and the process is killed at the one that is asked for.
 *
 * They sit where the program meets the world, in Node's file functions, in the SQLite driver and in the start of
 * other programs. So a step that is new has its failpoints by itself, and the program carries none.
 */
import childProcess, {type ChildProcess} from 'node:child_process';
import fs from 'node:fs';
import {syncBuiltinESMExports} from 'node:module';
import {sep} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

type Side = 'before' | 'after';

/** What a disk says that is full, broken or read-only; for SQLite, in its own words. */
export type Fault = keyof typeof FAULTS;

const FAULTS = {ENOSPC: 'SQLITE_FULL', EIO: 'SQLITE_IOERR', EROFS: 'SQLITE_READONLY'} as const;

/** What the environment variable `CRASH` holds, as JSON. */
export type Orders = {
  /** Folders and files by the name that they have in the names of steps; the longest path that fits counts. */
  readonly places: Readonly<Record<string, string>>;
  /** File that gets the names of all steps, one a line, in their order. */
  readonly record?: string | undefined;
  /** Where to die: at this step, the nth of its name, counted from 1. */
  readonly at?: {readonly step: string; readonly nth: number; readonly side: Side} | undefined;
  /** What the step fails with instead. */
  readonly fault?: Fault | undefined;
  /** Programs that were started and still run die too. */
  readonly withChildren?: boolean | undefined;
};

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Functions = Record<string, AnyFunction>;

const orders = JSON.parse(process.env['CRASH'] ?? '{"places":{}}') as Orders;
const places = Object.entries(orders.places).sort(([, a], [, b]) => b.length - a.length);
const seen = new Map<string, number>();
const children = new Set<number>();
const paths = new Map<number, string>();

watchFiles(fs as unknown as Functions);
watchPromisedFiles(fs.promises as unknown as Functions);
watchDatabases();
watchPrograms();
syncBuiltinESMExports();

/** Runs one step between its two failpoints. Steps in places that have no name are none. */
function step<T>(name: string | undefined, work: () => T): T {
  if (name === undefined) return work();
  const nth = (seen.get(name) ?? 0) + 1;
  seen.set(name, nth);
  if (orders.record !== undefined) record(orders.record, name);
  const dieAt = (side: Side): void => {
    const {at} = orders;
    if (at?.step !== name || at.nth !== nth || at.side !== side) return;
    if (orders.fault === undefined) die();
    throw failure(name, orders.fault);
  };
  dieAt('before');
  let pending = false;
  try {
    const result = work();
    pending = result instanceof Promise;
    return pending ? ((result as Promise<unknown>).finally(() => dieAt('after')) as T) : result;
  } finally {
    if (!pending) dieAt('after'); // also where it failed: the process may die then
  }
}

/** A statement fails as SQLite fails, anything else as the system does. */
function failure(name: string, fault: Fault): Error {
  const message = `${fault}: injected at ${name}`;
  if (name.includes(': ')) return new BetterSqlite3.SqliteError(message, FAULTS[fault]);
  return Object.assign(new Error(message), {code: fault});
}

const appendFileSync = fs.appendFileSync.bind(fs);

function record(file: string, name: string): void {
  appendFileSync(file, `${name}\n`);
}

function die(): never {
  if (orders.withChildren === true) for (const pid of children) killGroup(pid);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('a process that was killed goes on');
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function placeOf(path: unknown): string | undefined {
  const text = path instanceof URL ? path.pathname : String(path);
  return places.find(([, root]) => text === root || text.startsWith(`${root}${sep}`))?.[0];
}

function inPlace(action: string, path: unknown): string | undefined {
  const place = placeOf(path);
  return place === undefined ? undefined : `${action} ${place}`;
}

function watchFiles(files: Functions): void {
  replace(files, 'openSync', (open) => (path, ...rest) => {
    const file = open(path, ...rest);
    paths.set(Number(file), String(path));
    return file;
  });
  for (const [name, action] of [
    ['writeSync', 'write'],
    ['fsyncSync', 'sync'],
  ] as const) {
    replace(
      files,
      name,
      (original) =>
        (file, ...rest) =>
          step(inPlace(action, paths.get(Number(file)) ?? ''), () => original(file, ...rest)),
    );
  }
  for (const [name, action] of [
    ['renameSync', 'rename'],
    ['writeFileSync', 'write'],
    ['mkdirSync', 'make folder'],
    ['mkdtempSync', 'make folder'],
    ['rmSync', 'remove'],
    ['rmdirSync', 'remove'],
    ['unlinkSync', 'remove'],
  ] as const) {
    replace(
      files,
      name,
      (original) =>
        (path, ...rest) =>
          step(inPlace(action, path), () => original(path, ...rest)),
    );
  }
}

function watchPromisedFiles(files: Functions): void {
  for (const [name, action] of [
    ['rename', 'rename'],
    ['writeFile', 'write'],
    ['mkdir', 'make folder'],
    ['rm', 'remove'],
    ['open', 'open'],
  ] as const) {
    replace(
      files,
      name,
      (original) =>
        async (path, ...rest) =>
          step(inPlace(action, path), () => original(path, ...rest)),
    );
  }
  replace(
    files,
    'copyFile',
    (original) =>
      async (from, to, ...rest) =>
        step(inPlace('copy', to), () => original(from, to, ...rest)),
  );
}

function replace(
  files: Functions,
  name: string,
  make: (original: (...args: unknown[]) => unknown) => AnyFunction,
): void {
  const original = files[name];
  if (original === undefined) throw new Error(`no function ${name}`);
  const bound = original.bind(files);
  files[name] = Object.assign(make(bound), original);
}

/** What each connection has done in its transaction so far: what it reads means something else before and after it wrote. */
const phases = new WeakMap<object, 'looking' | 'wrote'>();

function watchDatabases(): void {
  type Db = BetterSqlite3.Database;
  const prototype = BetterSqlite3.prototype as unknown as Functions;
  replaceMethod(
    prototype,
    'exec',
    (original) =>
      function (this: unknown, sql) {
        return step(statementName(this as Db, String(sql)), () => original.call(this, sql));
      },
  );
  replaceMethod(
    prototype,
    'prepare',
    (original) =>
      function (this: unknown, sql) {
        const statement = original.call(this, sql) as Functions;
        for (const name of ['run', 'get', 'all', 'iterate']) {
          replaceMethod(
            statement,
            name,
            (method) =>
              function (this: unknown, ...args) {
                return step(statementName(prototypeOwner(statement), String(sql)), () =>
                  method.apply(this, args),
                );
              },
          );
        }
        return statement;
      },
  );
}

function prototypeOwner(statement: unknown): BetterSqlite3.Database {
  return (statement as {database: BetterSqlite3.Database}).database;
}

function replaceMethod(
  target: Functions,
  name: string,
  make: (original: AnyFunction) => AnyFunction,
): void {
  const original = target[name];
  if (original === undefined) throw new Error(`no method ${name}`);
  Object.defineProperty(target, name, {value: make(original), configurable: true, writable: true});
}

/** `database: BEGIN IMMEDIATE`, `state: insert into changeset`; undefined for what leaves nothing behind. */
function statementName(db: BetterSqlite3.Database, sql: string): string | undefined {
  const place = placeOf(db.name);
  if (place === undefined) return undefined;
  const words = sql
    .trim()
    .replaceAll(/["`]/g, '')
    .split(/[\s(;]+/);
  const verb = words[0]?.toLowerCase() ?? '';
  if (verb === 'begin' || verb === 'commit' || verb === 'rollback') {
    phases.delete(db);
    return db.readonly ? undefined : `${place}: ${verb}`;
  }
  if (verb === 'select' || verb === 'with' || verb === 'pragma') {
    if (!db.inTransaction || db.readonly || place === 'state') return undefined;
    if (phases.get(db) !== 'wrote') return `${place}: look again`;
    return `${place}: ${words.includes('ORDER') ? 'prove' : 'read back'}`;
  }
  if (db.inTransaction) phases.set(db, 'wrote');
  const table = {insert: words[2], update: words[1], delete: words[2]}[verb];
  if (place !== 'state') return `${place}: ${verb}`;
  return `${place}: ${verb} ${table ?? words[1] ?? ''}`.trim();
}

/** Only restic is started by the program. */
function watchPrograms(): void {
  const functions = childProcess as unknown as Functions;
  replace(functions, 'spawn', (original) => (file, args, ...rest) => {
    const command = `${String(file).split(sep).at(-1)} ${String((args as string[])[0])}`;
    const child = step(`start ${command}`, () => {
      const started = original(file, args, ...rest) as ChildProcess;
      if (started.pid !== undefined) children.add(started.pid);
      return started;
    });
    child.once('exit', () => {
      children.delete(child.pid ?? 0);
      step(`end of ${command}`, () => {});
    });
    child.stdout?.once('data', () => step(`midst of ${command}`, () => {}));
    return child;
  });
}
