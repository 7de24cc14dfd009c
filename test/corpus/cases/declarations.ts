/** What tables declare, how they are named, and where the two databases declare different things. */
import type {Case, Theme} from '../case.ts';

const plain = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v)';
const shared = {tables: ['item'], ddl: plain, expect: 'converge'} as const;
const columnNames = [
  'select',
  'order by',
  `it's "quoted"`,
  'dotted.name',
  'a,b',
  'ключ 🔑',
  '%_`[x]',
];
const tableNames = ['group', 'odd "table"', 'main.item', 'таблица', 'a b', 'x;y', '[z]'];

const names: readonly Case[] = [
  {
    ...shared,
    name: 'columns named by keywords, with quotes, blanks, dots and beyond ASCII',
    trap: 0,
    ddl: `CREATE TABLE item (${columnNames.map((name) => quote(name)).join(', ')}, PRIMARY KEY ("select", "dotted.name"))`,
    primary: `INSERT INTO item VALUES (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 5, 6, 7, 8)`,
    replica: `INSERT INTO item VALUES (1, 0, 0, 4, 0, 0, 0), (2, 2, 3, 5, 6, 7, 8)`,
  },
  {
    ...shared,
    name: 'tables named by keywords, with quotes, blanks, dots and beyond ASCII',
    trap: 0,
    tables: tableNames,
    ddl: tableNames.map((name) => `CREATE TABLE ${quote(name)} (k TEXT PRIMARY KEY, v)`).join(';'),
    primary: tableNames
      .map((name) => `INSERT INTO ${quote(name)} VALUES ('a', 1), ('b', 2)`)
      .join(';'),
    replica: tableNames
      .map((name) => `INSERT INTO ${quote(name)} VALUES ('a', 0), ('c', 2)`)
      .join(';'),
  },
];

const differing: readonly Case[] = [
  {
    ...shared,
    name: 'columns in another order on the replica',
    trap: 0,
    ddl: {
      primary: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b TEXT)',
      replica: 'CREATE TABLE item (b TEXT, a TEXT, id INTEGER PRIMARY KEY)',
    },
    primary: "INSERT INTO item (id, a, b) VALUES (1, 'x', 'y'), (2, 'z', NULL)",
    replica: "INSERT INTO item (id, a, b) VALUES (1, 'y', 'x'), (3, 'z', NULL)",
  },
  {
    ...shared,
    name: 'the same declaration written in other words',
    trap: 73,
    ddl: {
      primary: "CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT CHECK (v <> ''))",
      replica: `create table "item"("id" integer /* the key */ primary key,
        [v] text -- a comment
        check(v<>''))`,
    },
    primary: "INSERT INTO item VALUES (1, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'beryl')",
  },
  {
    ...shared,
    name: 'a column that only the replica has',
    trap: 73,
    ddl: {primary: plain, replica: `${plain}; ALTER TABLE item ADD COLUMN extra`},
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2, 3)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: 'extra'},
  },
  {
    ...shared,
    name: 'a column that the replica lacks',
    trap: 73,
    ddl: {primary: `${plain}; ALTER TABLE item ADD COLUMN extra`, replica: plain},
    primary: 'INSERT INTO item VALUES (1, 1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: 'extra'},
  },
  {
    ...shared,
    name: 'a column of another type on the replica',
    trap: 23,
    ddl: {primary: plain, replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)'},
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: "INSERT INTO item VALUES (1, 'amber')",
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item.v"'},
  },
  {
    ...shared,
    name: 'a table that the replica lacks',
    trap: 62,
    ddl: {primary: plain, replica: 'CREATE TABLE other (id INTEGER PRIMARY KEY)'},
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: '',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item"'},
  },
  {
    ...shared,
    name: 'a generated column that is a plain one on the replica',
    trap: 21,
    ddl: {
      primary: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, twice AS (v * 2))',
      replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, twice)',
    },
    primary: 'INSERT INTO item (id, v) VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2, 3)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: 'twice'},
  },
];

const forbidding: readonly Case[] = [
  {
    ...shared,
    name: 'a value that a CHECK forbids, and that the primary took with checks ignored',
    trap: [33, 73],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, CONSTRAINT is_short CHECK (length(v) < 6))',
    primary: `PRAGMA ignore_check_constraints = ON;
      INSERT INTO item VALUES (1, 'beryl'), (2, 'tourmaline')`,
    replica: "INSERT INTO item VALUES (1, 'coral')",
    expect: {refuse: 'CONSTRAINT', naming: 'is_short'},
  },
  {
    ...shared,
    name: 'NULL for a column that is NOT NULL on the replica alone',
    trap: 33,
    ddl: {primary: plain, replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v NOT NULL)'},
    primary: 'INSERT INTO item VALUES (1, 1), (2, NULL)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item.v"'},
  },
  {
    ...shared,
    name: 'a CHECK that the replica alone has',
    trap: [33, 73],
    ddl: {
      primary: plain,
      replica:
        'CREATE TABLE item (id INTEGER PRIMARY KEY, v, CONSTRAINT is_short CHECK (length(v) < 6))',
    },
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'tourmaline')",
    replica: "INSERT INTO item VALUES (1, 'coral')",
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item"'},
  },
  {
    ...shared,
    name: 'values that the replica alone wants unique',
    trap: 33,
    ddl: {primary: plain, replica: `${plain}; CREATE UNIQUE INDEX only_here ON item (v)`},
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber'), (3, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'coral')",
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item"'},
  },
  {
    ...shared,
    name: 'values that the replica alone wants unique, and would replace rows',
    trap: [25, 67],
    ddl: {
      primary: plain,
      replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v UNIQUE ON CONFLICT REPLACE)',
    },
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber'), (3, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'coral')",
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item"'},
  },
];

const otherwise: readonly Case[] = [
  {
    ...shared,
    name: 'another default on the replica',
    trap: [23, 73],
    ddl: {
      primary: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v DEFAULT 1)',
      replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v DEFAULT 2)',
    },
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: 'default'},
  },
  {
    ...shared,
    name: 'another action of a reference on the replica',
    trap: [33, 73],
    tables: ['item', 'of'],
    ddl: {
      primary: `${plain}; CREATE TABLE of (id INTEGER PRIMARY KEY, item REFERENCES item)`,
      replica: `${plain}; CREATE TABLE of (id INTEGER PRIMARY KEY, item REFERENCES item ON DELETE CASCADE)`,
    },
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"of"'},
  },
  {
    ...shared,
    name: 'another expression of a generated column on the replica',
    trap: [21, 73],
    ddl: {
      primary: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, more AS (v * 2))',
      replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, more AS (v * 3))',
    },
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item"'},
  },
  {
    ...shared,
    name: 'the same constraints in another order, under other names and in other quotes',
    trap: 73,
    ddl: {
      primary: `CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT DEFAULT (('x')) CHECK ((length(v) < 9)), w UNIQUE);
        CREATE UNIQUE INDEX some ON item (lower(v)) WHERE w IS NOT NULL`,
      replica: `create table "item" ([w], "v" text constraint short check (LENGTH( \`v\` )<9) default 'x', id integer,
        primary key (id), constraint one unique ("w")); create unique index other on item(LOWER("v")) where (W is not null)`,
    },
    primary: "INSERT INTO item (id, v, w) VALUES (1, 'amber', 1), (2, 'beryl', 2)",
    replica: "INSERT INTO item (id, v, w) VALUES (1, 'beryl', 1), (3, 'amber', 2)",
  },
];

const clauses: readonly Case[] = [
  {
    ...shared,
    name: 'values that change places under UNIQUE ON CONFLICT REPLACE',
    trap: [24, 25, 67],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT REPLACE)',
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'a value that moves to another row under UNIQUE ON CONFLICT IGNORE',
    trap: [24, 67],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT IGNORE)',
    primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'coral'), (3, 'beryl')",
    replica: "INSERT INTO item VALUES (2, 'amber'), (3, 'coral')",
  },
  {
    ...shared,
    name: 'a key with ON CONFLICT REPLACE',
    trap: 67,
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY ON CONFLICT REPLACE, v NOT NULL ON CONFLICT IGNORE)',
    primary: "INSERT INTO item VALUES ('a', 1), ('b', 2), ('c', 3)",
    replica: "INSERT INTO item VALUES ('a', 2), ('b', 2), ('d', 3)",
  },
  {
    ...shared,
    name: 'explicit NULLs in columns that have a default',
    trap: 23,
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, a DEFAULT 'amber', b TEXT DEFAULT (1 + 1), c DEFAULT CURRENT_TIMESTAMP)`,
    primary: 'INSERT INTO item VALUES (1, NULL, NULL, NULL), (2, NULL, 5, NULL)',
    replica: 'INSERT INTO item (id) VALUES (1)',
  },
  {
    ...shared,
    name: 'generated columns, stored and computed, before and after plain ones',
    trap: 21,
    ddl: `CREATE TABLE item (up TEXT AS (upper(v)) STORED, id INTEGER PRIMARY KEY, v TEXT, size INT AS (length(v)) VIRTUAL, w)`,
    primary: "INSERT INTO item (id, v, w) VALUES (1, 'amber', 1), (2, 'be', 2)",
    replica: "INSERT INTO item (id, v, w) VALUES (1, 'coral', 1), (3, 'be', 2)",
  },
];

const counters: readonly Case[] = [
  {
    ...shared,
    name: 'a counter that stands higher on the primary than its rows',
    trap: 22,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, v)',
    primary: 'INSERT INTO item VALUES (1, 1), (90, 2); DELETE FROM item WHERE id = 90',
    replica: 'INSERT INTO item VALUES (1, 2)',
  },
  {
    ...shared,
    name: 'a counter that stands higher on the replica',
    trap: 22,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, v)',
    primary: 'INSERT INTO item VALUES (1, 1), (2, 2)',
    replica: 'INSERT INTO item VALUES (1, 2), (90, 2)',
  },
  {
    ...shared,
    name: 'a counter that the replica does not have yet',
    trap: 22,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, v)',
    primary: 'INSERT INTO item VALUES (7, 1), (5, 2); DELETE FROM item WHERE id = 7',
    replica: '',
  },
];

const files: readonly Case[] = [
  {
    ...shared,
    name: 'a replica with a rollback journal, small pages and statistics of its own',
    trap: 34,
    ddl: {
      primary: plain,
      replica: `PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; ${plain}`,
    },
    primary: 'INSERT INTO item VALUES (1, 1), (2, 2)',
    replica: 'INSERT INTO item VALUES (1, 2), (3, 2); CREATE INDEX by_v ON item (v); ANALYZE',
  },
  {
    ...shared,
    name: 'another version that the application keeps in the file (user_version)',
    trap: 23,
    ddl: {
      primary: `PRAGMA user_version = 8; ${plain}`,
      replica: `PRAGMA user_version = 7; ${plain}`,
    },
    primary: 'INSERT INTO item VALUES (1, 1)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    expect: {refuse: 'VERSION_MISMATCH', naming: 'user_version 8'},
  },
  {
    ...shared,
    name: 'a table that the primary emptied, without leave',
    trap: 62,
    primary: '',
    replica: 'INSERT INTO item VALUES (1, 1), (2, 2)',
    options: {allowDeletes: []},
    expect: {refuse: 'FUSE', naming: '"item"'},
  },
  {
    ...shared,
    name: 'a table that the primary emptied, with leave',
    trap: 62,
    primary: '',
    replica: 'INSERT INTO item VALUES (1, 1), (2, 2)',
  },
];

export const declarations: Theme = {
  title: 'Names, declarations, files',
  cases: [...names, ...differing, ...forbidding, ...otherwise, ...clauses, ...counters, ...files],
};

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
