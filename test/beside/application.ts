/**
 * An application that owns a database: a process of its own that writes a heartbeat every few milliseconds, checkpoints
 * by itself, and waits no longer than a second for a lock. It writes through SQLite's own shell where there is one, which
 * is another build of SQLite than ours, else through our driver.
 *
 * `node application.ts DATABASE [EDIT]`: runs until its stdin ends, then prints what it did as JSON. EDIT is a statement in which
 * `:n` stands for a number that grows; it is run now and then.
 */
import {spawn, spawnSync} from 'node:child_process';
import {createInterface} from 'node:readline';
import {text} from 'node:stream/consumers';
import BetterSqlite3 from 'better-sqlite3';

export type Ledger = {
  /** Heartbeats written, numbered from 1. */
  readonly beats: number;
  readonly edits: number;
  readonly checkpoints: number;
  /** What SQLite complained of. */
  readonly errors: readonly string[];
  /** What wrote. */
  readonly writer: string;
};

type Writer = {readonly name: string; run(sql: string): void; end(): Promise<readonly string[]>};

const BEAT_MS = 4;
const BUSY_MS = 1_000;
const EDIT_EVERY = 40;
const CHECKPOINT_EVERY = 150;

const [database = '', edit] = process.argv.slice(2);
const writer = shell(database) ?? driver(database);
const counts = {beats: 0, edits: 0, checkpoints: 0};

const timer = setInterval(() => {
  const n = ++counts.beats;
  writer.run(`INSERT INTO beat (id, monitor_id, msg) VALUES (${n}, 1 + ${n} % 5, 'OK ${n}')`);
  if (edit !== undefined && n % EDIT_EVERY === 0)
    writer.run(edit.replaceAll(':n', String(++counts.edits)));
  if (n % CHECKPOINT_EVERY === 0) {
    counts.checkpoints++;
    writer.run(`PRAGMA wal_checkpoint(${n % 2 === 0 ? 'PASSIVE' : 'TRUNCATE'})`);
  }
}, BEAT_MS);

createInterface(process.stdin).once('close', () => void finish());

async function finish(): Promise<void> {
  clearInterval(timer);
  const ledger: Ledger = {...counts, errors: await writer.end(), writer: writer.name};
  process.stdout.write(JSON.stringify(ledger));
}

function shell(path: string): Writer | undefined {
  const version = spawnSync('sqlite3', ['--version'], {encoding: 'utf8'});
  if (version.status !== 0) return undefined;
  const child = spawn('sqlite3', ['-batch', path], {stdio: ['pipe', 'ignore', 'pipe']});
  const complaints = text(child.stderr);
  child.stdin.write(`.timeout ${BUSY_MS}\n`);
  return {
    name: `sqlite3 ${version.stdout.split(' ')[0]}`,
    run: (sql) => void child.stdin.write(`${sql};\n`),
    end: async () => {
      child.stdin.end();
      return linesOf(await complaints);
    },
  };
}

function driver(path: string): Writer {
  const db = new BetterSqlite3(path, {timeout: BUSY_MS});
  const errors: string[] = [];
  return {
    name: 'better-sqlite3',
    run: (sql) => {
      try {
        if (sql.startsWith('PRAGMA')) db.pragma(sql.slice('PRAGMA '.length));
        else db.exec(sql);
      } catch (error) {
        errors.push(String(error));
      }
    },
    end: async () => {
      db.close();
      return errors;
    },
  };
}

function linesOf(output: string): readonly string[] {
  return output.split('\n').filter((line) => line !== '');
}
