/** What is under way when the process dies. */
import BetterSqlite3 from 'better-sqlite3';
import {
  capture,
  replicate,
  undo,
  type CaptureOptions,
  type ReplicateOptions,
} from '../../src/index.ts';
import {must} from '../../src/kernel/assert.ts';
import type {Place, Side} from './place.ts';

export type Scenario = {
  readonly name: string;
  readonly side: Side;
  /** The command, as it is run in a process of its own. */
  readonly args: readonly [string, ...string[]];
  readonly store?: 'dir' | 'restic';
  /** All that comes before it. */
  readonly prepare: (place: Place) => Promise<void>;
  /** A local table whose rows may go in transactions of their own, before the others change. */
  readonly trimmed?: string;
  /** Steps that must be among those at which it dies. */
  readonly steps: readonly string[];
};

/** Replicated tables; `beat` and `note` stay local. */
export const TABLES = ['monitor', 'tag'] as const;
export const LOCAL_TABLES = ['beat', 'note'] as const;

const DDL = `
  CREATE TABLE monitor (id INTEGER PRIMARY KEY, name TEXT NOT NULL, weight REAL);
  CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE beat (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor ON DELETE CASCADE, ping INTEGER);
  CREATE INDEX beat_monitor ON beat (monitor_id);
  CREATE TABLE note (id INTEGER PRIMARY KEY, tag_id INTEGER REFERENCES tag ON DELETE SET NULL, text TEXT);`;

const numbers = (from: number, to: number): string =>
  `WITH RECURSIVE n(i) AS (VALUES (${from}) UNION ALL SELECT i + 1 FROM n WHERE i < ${to})`;

const PRIMARY = `
  ${numbers(1, 30)} INSERT INTO monitor SELECT i, 'monitor ' || i, i * 0.8 FROM n;
  ${numbers(1, 5)} INSERT INTO tag SELECT i, 'tag ' || i FROM n;`;

/** Another past: rows that the primary lacks, others that differ, two tags whose names are exchanged. */
const REPLICA = `
  ${numbers(10, 40)} INSERT INTO monitor SELECT i, 'old ' || i, i FROM n;
  INSERT INTO tag VALUES (1, 'tag 2'), (2, 'tag 1'), (9, 'gone');
  ${numbers(1, 90)} INSERT INTO beat SELECT i, 10 + i % 31, i FROM n;
  INSERT INTO note VALUES (1, 1, 'stays'), (2, 9, 'loses its tag');`;

/** Updates, deletes, inserts, and names that move on in a ring, so that one row has to be parked. */
const NEWS = `
  DELETE FROM monitor WHERE id IN (12, 13);
  UPDATE monitor SET name = name || ' renamed' WHERE id < 12;
  INSERT INTO monitor VALUES (50, 'new', 0.1), (51, 'newer', 0.2);
  UPDATE tag SET name = 'x' || name; UPDATE tag SET name = 'tag ' || (id % 5 + 1);`;

/** Enough dependents of one monitor that they are trimmed. */
const HISTORY = `${numbers(1000, 13_000)} INSERT INTO beat SELECT i, 12, i FROM n;`;

const FAR_FUSE = ['--allow-deletes', 'monitor'] as const;

const DURABLE = {
  state: ['state: begin', 'state: commit'],
  staging: ['write staging', 'sync staging', 'rename staging'],
  /** Fetched objects are moved in. */
  fetching: ['rename state'],
  store: ['copy store', 'rename store', 'make folder store'],
  apply: [
    'state: insert changeset',
    'database: begin',
    'database: look again',
    'database: insert',
    'database: update',
    'database: delete',
    'database: read back',
    'database: prove',
    'database: commit',
    'state: update changeset',
    'state: insert position',
  ],
} as const;

export const scenarios: readonly Scenario[] = [
  {
    name: 'first capture',
    side: 'primary',
    args: ['capture'],
    prepare: async (place) => make(place),
    steps: [...DURABLE.staging, 'rename store', 'state: insert instance', 'state: insert position'],
  },
  {
    name: 'capture of changed rows',
    side: 'primary',
    args: ['capture'],
    prepare: async (place) => {
      make(place);
      await captured(place);
      write(place.primary, NEWS);
    },
    steps: [...DURABLE.staging, 'remove staging', 'rename store', 'state: insert position'],
  },
  {
    name: 'first replicate',
    side: 'replica',
    args: ['replicate', ...FAR_FUSE],
    prepare: async (place) => {
      make(place);
      await captured(place);
    },
    steps: [...DURABLE.apply, ...DURABLE.fetching, 'state: insert instance', 'remove state'],
  },
  {
    name: 'first replicate into empty tables',
    side: 'replica',
    args: ['replicate'],
    prepare: async (place) => {
      make(place);
      write(place.replica, 'DELETE FROM monitor; DELETE FROM tag');
      await captured(place);
    },
    steps: [
      'state: insert changeset',
      'database: begin',
      'database: look again',
      'database: insert',
      'database: prove',
      'database: commit',
      'state: insert position',
    ],
  },
  {
    name: 'replicate',
    side: 'replica',
    args: ['replicate'],
    prepare: async (place) => secondSnapshot(place),
    steps: [...DURABLE.apply, ...DURABLE.fetching, 'remove staging'],
  },
  {
    name: 'replicate, rollback journal',
    side: 'replica',
    args: ['replicate'],
    prepare: async (place) => secondSnapshot(place, 'delete'),
    steps: DURABLE.apply,
  },
  {
    name: 'replicate that trims a history',
    side: 'replica',
    args: ['replicate', '--verify=full'],
    prepare: async (place) => {
      await secondSnapshot(place);
      write(place.replica, HISTORY);
    },
    trimmed: 'beat',
    steps: [
      'database: rollback',
      'database: delete',
      'database: commit',
      'state: insert changeset',
    ],
  },
  {
    name: 'undo',
    side: 'replica',
    args: ['undo'],
    prepare: async (place) => {
      await secondSnapshot(place);
      await replicated(place);
    },
    steps: [
      'state: insert changeset',
      'database: begin',
      'database: update',
      'database: commit',
      'state: insert hold',
      'state: delete changeset',
    ],
  },
];

/** The same commands with a real repository; what matters here is when restic's own commands run. */
export const resticScenarios: readonly Scenario[] = [
  {...named('first capture'), steps: ['start restic init', 'end of restic init']},
  {
    ...named('capture of changed rows'),
    steps: ['start restic backup', 'midst of restic backup', 'end of restic backup'],
  },
  {...named('first replicate'), steps: ['start restic snapshots', 'start restic restore']},
].map((scenario) => ({...scenario, name: `${scenario.name}, restic`, store: 'restic'}));

function named(name: string): Scenario {
  return must(
    scenarios.find((scenario) => scenario.name === name),
    name,
  );
}

function make(place: Place, journal = 'wal'): void {
  for (const [side, rows] of [
    ['primary', PRIMARY],
    ['replica', REPLICA],
  ] as const)
    write(place.database(side), `PRAGMA journal_mode = ${journal}; ${DDL} ${rows}`);
}

async function secondSnapshot(place: Place, journal = 'wal'): Promise<void> {
  make(place, journal);
  await captured(place);
  await replicated(place);
  write(place.primary, NEWS);
  await captured(place);
  write(place.replica, `INSERT INTO beat VALUES (500, 12, 1), (501, 13, 1), (502, 14, 1)`);
}

const captured = (place: Place) => capture({...place.options('primary')} satisfies CaptureOptions);

const replicated = (place: Place) =>
  replicate({...place.options('replica'), allowDeletes: ['monitor']} satisfies ReplicateOptions);

/** The command of a scenario once more, in this process. */
export async function again({side, args}: Scenario, place: Place): Promise<{wrote: boolean}> {
  const options = place.options(side);
  switch (args[0]) {
    case 'capture':
      return {wrote: (await capture(options)).changed};
    case 'replicate':
      return {wrote: (await replicate({...options, allowDeletes: ['monitor']})).applied};
    case 'undo':
      return {wrote: (await undo(options)).undone};
    default:
      throw new Error(`no command ${args[0]}`);
  }
}

export function write(path: string, sql: string): void {
  const db = new BetterSqlite3(path);
  try {
    db.pragma('foreign_keys = ON');
    db.exec(sql);
  } finally {
    db.close();
  }
}
