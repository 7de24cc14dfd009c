/** A primary and a replica with a store between them, driven through the library. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {
  capture,
  noProgress,
  replicate,
  resume,
  silentLog,
  status,
  undo,
  type CaptureOptions,
  type CaptureResult,
  type EngineOptions,
  type ReplicateOptions,
  type ReplicateResult,
  type ResumeResult,
  type StatusResult,
  type UndoOptions,
  type UndoResult,
} from '../../src/index.ts';
import {tempFolder} from './temp-db.ts';

export type Instances = {
  readonly primary: string;
  readonly replica: string;
  readonly folder: string;
  capture(more?: Partial<CaptureOptions>): Promise<CaptureResult>;
  replicate(more?: Partial<ReplicateOptions>): Promise<ReplicateResult>;
  /** Of the replica, without a store: none is needed. */
  undo(more?: Partial<UndoOptions>): Promise<UndoResult>;
  resume(): Promise<ResumeResult>;
  status(): Promise<StatusResult>;
};

export type Setting = {
  readonly ddl: string;
  readonly primary: string;
  readonly replica: string;
  /** Left out: those of the profile that is recognised. */
  readonly tables?: readonly string[];
  readonly encoding?: string;
};

export function makeInstances({ddl, primary, replica, tables, encoding}: Setting): Instances {
  const folder = tempFolder();
  const make = (name: string, rows: string): string => {
    const path = join(folder, `${name}.db`);
    const before = encoding === undefined ? '' : `PRAGMA encoding = '${encoding}';`;
    write(path, `${before} PRAGMA journal_mode = WAL; ${ddl}; ${rows}`);
    return path;
  };
  const [a, b] = [make('primary', primary), make('replica', replica)];
  const options = (database: string): EngineOptions => ({
    database,
    store: `dir:${join(folder, 'store')}`,
    state: `${database}-state`,
    tables,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  });
  return {
    primary: a,
    replica: b,
    folder,
    capture: (more = {}) => capture({...options(a), ...more}),
    replicate: (more = {}) => replicate({...options(b), allowDeletes: tables, ...more}),
    undo: (more = {}) => undo({...options(b), store: undefined, tables: undefined, ...more}),
    resume: () => resume({...options(b), store: undefined}),
    status: () => status(options(b)),
  };
}

/** Runs SQL on a database, with foreign keys off. */
export function write(path: string, sql: string): void {
  const db = new BetterSqlite3(path);
  try {
    db.unsafeMode(true);
    db.pragma('foreign_keys = OFF');
    db.exec(sql);
  } finally {
    db.close();
  }
}

/** Rows of a query, each cell with its storage class and its bits. */
export function typed(path: string, table: string, columns: readonly string[]): readonly string[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    const cells = columns
      .map((name) => `typeof("${name}") || ' ' || quote("${name}")`)
      .join(` || ' | ' || `);
    return db.prepare(`SELECT ${cells} FROM "${table}" ORDER BY 1`).pluck().all() as string[];
  } finally {
    db.close();
  }
}

/** Violated foreign keys, and what the integrity check says. */
export function faults(path: string): readonly unknown[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    const integrity = db.pragma('integrity_check', {simple: true});
    return [
      ...(db.pragma('foreign_key_check') as unknown[]),
      ...(integrity === 'ok' ? [] : [integrity]),
    ];
  } finally {
    db.close();
  }
}
