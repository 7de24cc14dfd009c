/** Unique values that move between rows: no order of plain updates may reach the goal. */
import type {Case, Theme} from '../case.ts';

const shared = {tables: ['item'], trap: 24, expect: 'converge'} as const;
const wanted = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE)';
const nullable = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT UNIQUE)';

const cycles: readonly Case[] = [
  {
    ...shared,
    name: 'two values that may not be NULL changed places',
    ddl: wanted,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'three values went round',
    ddl: wanted,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'coral'), (3, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'), (3, 'coral')",
  },
  {
    ...shared,
    name: 'fifty values went round',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER NOT NULL UNIQUE)',
    primary: `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
      INSERT INTO item SELECT i, (i + 1) % 50 FROM n`,
    replica: `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
      INSERT INTO item SELECT i, i FROM n`,
  },
  {
    ...shared,
    name: 'fifty values shifted, and the last one is new',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER NOT NULL UNIQUE)',
    primary: `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
      INSERT INTO item SELECT i, i + 1 FROM n`,
    replica: `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
      INSERT INTO item SELECT i, i FROM n`,
  },
  {
    ...shared,
    name: 'two columns went round in opposite directions',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a INT NOT NULL UNIQUE, b INT NOT NULL UNIQUE)',
    primary: 'INSERT INTO item VALUES (1, 2, 3), (2, 3, 1), (3, 1, 2)',
    replica: 'INSERT INTO item VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)',
  },
  {
    ...shared,
    name: 'values changed places in a table without rowid',
    trap: [6, 24],
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY, v INT NOT NULL UNIQUE) WITHOUT ROWID',
    primary: "INSERT INTO item VALUES ('a', 2), ('b', 1)",
    replica: "INSERT INTO item VALUES ('a', 1), ('b', 2)",
  },
  {
    ...shared,
    name: 'values changed places in a STRICT table',
    trap: [23, 24],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER NOT NULL UNIQUE, w BLOB NOT NULL UNIQUE) STRICT',
    primary: "INSERT INTO item VALUES (1, 2, x'0b'), (2, 1, x'0a')",
    replica: "INSERT INTO item VALUES (1, 1, x'0a'), (2, 2, x'0b')",
  },
  {
    ...shared,
    name: 'rows with local dependents exchanged unique values',
    trap: [24, 29],
    ddl: `${wanted}; CREATE TABLE note (id INTEGER PRIMARY KEY, item INT REFERENCES item ON DELETE CASCADE)`,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: `INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'); INSERT INTO note VALUES (1, 1), (2, 2)`,
  },
];

const checks: readonly Case[] = [
  {
    ...shared,
    name: 'values changed places where a CHECK leaves one other value',
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE CHECK (v IN ('amber', 'beryl', 'coral')))`,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'places in a list changed, where a CHECK wants them positive',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, pos INTEGER NOT NULL UNIQUE CHECK (pos > 0))',
    primary: 'INSERT INTO item VALUES (1, 4), (2, 1), (3, 2), (4, 3)',
    replica: 'INSERT INTO item VALUES (1, 1), (2, 2), (3, 3), (4, 4)',
  },
  {
    ...shared,
    name: 'values changed places where a CHECK leaves no other but NULL',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, pos INTEGER UNIQUE CHECK (pos IN (1, 2)))',
    primary: 'INSERT INTO item VALUES (1, 2), (2, 1)',
    replica: 'INSERT INTO item VALUES (1, 1), (2, 2)',
  },
  {
    ...shared,
    name: 'values changed places where a CHECK leaves no other at all',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, pos INTEGER NOT NULL UNIQUE CHECK (pos IN (1, 2)))',
    primary: 'INSERT INTO item VALUES (1, 2), (2, 1)',
    replica: 'INSERT INTO item VALUES (1, 1), (2, 2)',
    expect: {refuse: 'UNIQUE_CYCLE', naming: 'pos'},
  },
];

const moves: readonly Case[] = [
  {
    ...shared,
    name: 'a deleted row left its value to another row and a new one',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT UNIQUE)',
    primary: "INSERT INTO item VALUES (2, 'amber', 'onyx'), (3, 'coral', 'beryl')",
    replica: "INSERT INTO item VALUES (1, 'amber', 'beryl'), (2, 'coral', 'onyx')",
  },
  {
    ...shared,
    name: 'two rows exchanged values that a third row took from a deleted one',
    ddl: nullable,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber'), (3, 'coral')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'), (3, NULL), (4, 'coral')",
  },
  {
    ...shared,
    name: 'a local row refers to a unique value that another row takes',
    trap: [24, 68],
    ddl: `${wanted}; CREATE TABLE note (id INTEGER PRIMARY KEY, v TEXT REFERENCES item (v) ON UPDATE SET NULL)`,
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: `INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'); INSERT INTO note VALUES (1, 'amber')`,
    local: 'UPDATE note SET v = NULL',
  },
  {
    ...shared,
    name: 'replicated rows refer to unique values that changed places, ON UPDATE SET NULL',
    trap: [24, 68],
    tables: ['item', 'note'],
    ddl: `${wanted}; CREATE TABLE note (id INTEGER PRIMARY KEY, v TEXT REFERENCES item (v) ON UPDATE SET NULL)`,
    primary: `INSERT INTO item VALUES (1, 'beryl'), (2, 'amber'); INSERT INTO note VALUES (1, 'amber'), (2, 'beryl')`,
    replica: `INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'); INSERT INTO note VALUES (1, 'amber'), (2, 'beryl')`,
  },
];

const indexes: readonly Case[] = [
  {
    ...shared,
    name: 'a composite unique index whose pairs changed places',
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b))',
    primary: 'INSERT INTO item VALUES (1, 1, 2), (2, 1, 1), (3, 2, 1)',
    replica: 'INSERT INTO item VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2)',
  },
  {
    ...shared,
    name: 'a NOCASE unique index whose values changed places and case',
    trap: [7, 24],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL COLLATE NOCASE UNIQUE)',
    primary: "INSERT INTO item VALUES (1, 'BERYL'), (2, 'Amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'a partial unique index: the one default row is another',
    trap: 32,
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, chosen INT NOT NULL);
      CREATE UNIQUE INDEX one_chosen ON item (chosen) WHERE chosen = 1`,
    primary: 'INSERT INTO item VALUES (1, 1), (2, 0), (3, 0)',
    replica: 'INSERT INTO item VALUES (1, 0), (2, 0), (3, 1)',
  },
  {
    ...shared,
    name: 'a partial unique index whose values changed places',
    trap: [24, 32],
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL, live INT NOT NULL);
      CREATE UNIQUE INDEX live_v ON item (v) WHERE live`,
    primary: "INSERT INTO item VALUES (1, 'beryl', 1), (2, 'amber', 1), (3, 'amber', 0)",
    replica: "INSERT INTO item VALUES (1, 'amber', 1), (2, 'beryl', 1), (3, 'beryl', 0)",
  },
  {
    ...shared,
    name: 'a unique index on lower(v) whose values changed places',
    trap: [24, 32],
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL); CREATE UNIQUE INDEX low ON item (lower(v))`,
    primary: "INSERT INTO item VALUES (1, 'BERYL'), (2, 'Amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'a unique index on two expressions whose values changed places',
    trap: [24, 32],
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT NOT NULL);
      CREATE UNIQUE INDEX both ON item (substr(a, 1, 1), abs(b))`,
    primary: "INSERT INTO item VALUES (1, 'b', -2), (2, 'ax', 1), (3, 'a', 2)",
    replica: "INSERT INTO item VALUES (1, 'a', 1), (2, 'by', 2), (3, 'a', -2)",
  },
  {
    ...shared,
    name: 'a unique index on a generated column whose values changed places',
    trap: [21, 24],
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT NOT NULL, low AS (lower(v)) VIRTUAL);
      CREATE UNIQUE INDEX by_low ON item (low)`,
    primary: "INSERT INTO item (id, v) VALUES (1, 'Beryl'), (2, 'AMBER')",
    replica: "INSERT INTO item (id, v) VALUES (1, 'amber'), (2, 'beryl')",
  },
];

export const unique: Theme = {
  title: 'Unique values that move',
  cases: [...cycles, ...checks, ...moves, ...indexes],
};
