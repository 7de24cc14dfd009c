/**
 * The application beside a service, as a process of its own: it writes heartbeats all the time, and edits when it is told to.
 *
 * `node application.ts DATABASE`, with an IPC channel; see `Order` and `Word`.
 */
import Database from 'better-sqlite3';
import {drawer, pick} from '../helpers/drawer.ts';
import {Edits} from './edits.ts';
import {digestOf, digestOfAll, replicated, sharedMs, stampOf} from './tables.ts';

export type Order =
  | {readonly do: 'beat'; readonly everyMs: number}
  | {readonly do: 'edit'; readonly seed: number; readonly everyMs: number}
  /** Answered by `rests` once the last transaction has ended. */
  | {readonly do: 'rest'}
  /** Holds the write lock of the database until `release`. */
  | {readonly do: 'hold'; readonly how: 'IMMEDIATE' | 'EXCLUSIVE'}
  | {readonly do: 'release'};

export type Word =
  /** A state of the database: its number, the digest of all replicated rows, and since when it was there. */
  | {readonly is: 'state'; readonly stamp: number; readonly digest: string; readonly atMs: number}
  | {readonly is: 'rests'; readonly stamp: number};

const BUSY_MS = 100;

const path = process.argv[2] ?? '';
const db = new Database(path, {timeout: BUSY_MS});
db.pragma('foreign_keys = ON');
const holder = new Database(path, {timeout: 2_000});

let beats: NodeJS.Timeout | undefined;
let edits: NodeJS.Timeout | undefined;
let editor: Edits | undefined;
const digests = new Map<string, string>();

process.on('disconnect', () => process.exit(0));
process.on('message', (order: Order) => {
  switch (order.do) {
    case 'beat':
      beats ??= setInterval(() => tolerant(beat), order.everyMs);
      break;
    case 'edit':
      begin(order.seed, order.everyMs);
      break;
    case 'rest':
      clearTimeout(edits);
      say({is: 'rests', stamp: stampOf(db) ?? 0});
      break;
    case 'hold':
      tolerant(() => holder.exec(`BEGIN ${order.how}`));
      break;
    case 'release':
      if (holder.inTransaction) holder.exec('ROLLBACK');
      break;
  }
});

function beat(): void {
  db.prepare(
    `INSERT INTO heartbeat (host, at, status, ping, msg) VALUES ((SELECT min(id) FROM host_0), datetime(), 1, 20, '200 - OK')`,
  ).run();
}

function begin(seed: number, everyMs: number): void {
  const draw = drawer(seed);
  if (editor === undefined) {
    for (const table of replicated) digests.set(table, digestOf(db, table));
    tell(sharedMs());
    editor = new Edits(db, draw);
  }
  const next = (): void => {
    tolerant(edit);
    edits = setTimeout(next, everyMs * pick(draw, [0.1, 0.5, 1, 2]));
  };
  next();
}

function edit(): void {
  const touched = editor?.transaction() ?? [];
  const atMs = sharedMs();
  if (touched.length === 0) return;
  for (const table of touched) digests.set(table, digestOf(db, table));
  tell(atMs);
}

function tell(atMs: number): void {
  say({is: 'state', stamp: stampOf(db) ?? 0, digest: digestOfAll(digests), atMs});
}

/** Somebody else holds the lock: applications try again later. */
function tolerant(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if ((error as {code?: string}).code !== 'SQLITE_BUSY') throw error;
  }
}

function say(word: Word): void {
  process.send?.(word);
}
