/** What makes two rows the same row. */
import type {Case, Theme} from '../case.ts';

const shared = {tables: ['item'], expect: 'converge'} as const;
const textKey = 'CREATE TABLE item (k TEXT PRIMARY KEY, v)';

const keyless: readonly Case[] = [
  {
    ...shared,
    name: 'a table without a key, which nothing was said about',
    trap: 1,
    ddl: 'CREATE TABLE item (a, b)',
    primary: "INSERT INTO item VALUES (1, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'beryl')",
    expect: {refuse: 'NO_KEY', naming: '"item"'},
  },
  {
    ...shared,
    name: 'rows without a key that differ in how often they occur',
    trap: 1,
    ddl: 'CREATE TABLE item (a, b)',
    primary: 'INSERT INTO item VALUES (1, 2), (1, 2), (1, 2), (3, 4), (5, 6)',
    replica: 'INSERT INTO item VALUES (3, 4), (3, 4), (1, 2), (7, 8)',
    options: {keyless: 'multiset'},
  },
  {
    ...shared,
    name: 'rows without a key that differ in storage class or NULL only',
    trap: [1, 10],
    ddl: 'CREATE TABLE item (a, b)',
    primary: {
      item: [
        [1n, null],
        [1, null],
        ['1', null],
        [null, null],
        [null, null],
      ],
    },
    replica: {
      item: [
        [1n, null],
        [1n, null],
        [Buffer.from('1'), null],
        [null, ''],
      ],
    },
    options: {keyless: 'multiset'},
  },
];

const nulls: readonly Case[] = [
  {
    ...shared,
    name: 'NULL in one column of a composite key',
    trap: 2,
    ddl: 'CREATE TABLE item (a TEXT, b TEXT, v, PRIMARY KEY (a, b))',
    primary: "INSERT INTO item VALUES ('x', NULL, 1), ('x', NULL, 2)",
    replica: "INSERT INTO item VALUES ('x', 'y', 1)",
    expect: {refuse: 'KEY_UNUSABLE', naming: '"b"'},
  },
  {
    ...shared,
    name: 'NULL as key on the replica alone',
    trap: 2,
    ddl: textKey,
    primary: "INSERT INTO item VALUES ('a', 'amber')",
    replica: "INSERT INTO item VALUES ('a', 'beryl'), (NULL, 'coral')",
    expect: {refuse: 'KEY_UNUSABLE', naming: '"k"'},
  },
];

const rowids: readonly Case[] = [
  {
    ...shared,
    name: 'rowids that VACUUM has renumbered',
    trap: 3,
    ddl: textKey,
    primary: "INSERT INTO item VALUES ('a', 1), ('c', 3)",
    replica: `INSERT INTO item VALUES ('b', 2), ('c', 2), ('a', 1); DELETE FROM item WHERE k = 'b'; VACUUM`,
  },
  {
    ...shared,
    name: 'an id that was given to another row, whose local dependents stay',
    trap: [4, 29],
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, v);
      CREATE TABLE note (id INTEGER PRIMARY KEY, item INT REFERENCES item ON DELETE CASCADE)`,
    primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'of another')",
    replica:
      "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'); INSERT INTO note VALUES (1, 2), (2, 1)",
  },
  {
    ...shared,
    name: 'an INT PRIMARY KEY, which is no rowid',
    trap: 5,
    ddl: 'CREATE TABLE item (id INT PRIMARY KEY, v)',
    primary: 'INSERT INTO item VALUES (7, 1), (3, 2), (5, 3)',
    replica: 'INSERT INTO item VALUES (3, 0), (9, 1), (7, 1)',
  },
  {
    ...shared,
    name: 'an INTEGER PRIMARY KEY DESC, which is no rowid',
    trap: 5,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY DESC, v)',
    primary: 'INSERT INTO item VALUES (7, 1), (3, 2), (5, 3)',
    replica: 'INSERT INTO item VALUES (3, 0), (9, 1), (7, 1)',
  },
  {
    ...shared,
    name: 'an INTEGER PRIMARY KEY DESC that holds NULL',
    trap: [2, 5],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY DESC, v)',
    primary: 'INSERT INTO item VALUES (NULL, 1), (NULL, 2)',
    replica: 'INSERT INTO item VALUES (1, 0)',
    expect: {refuse: 'KEY_UNUSABLE', naming: '"id"'},
  },
  {
    ...shared,
    name: 'columns named rowid, oid and _rowid_',
    trap: 5,
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY, rowid, oid, _rowid_)',
    primary: "INSERT INTO item VALUES ('a', 1, 1, 1), ('b', 1, 1, 1), ('c', NULL, 2, 'x')",
    replica: "INSERT INTO item VALUES ('b', 2, 1, 1), ('a', 1, 2, 1), ('d', 1, 1, 2)",
  },
  {
    ...shared,
    name: 'a descending composite key without rowid',
    trap: 6,
    ddl: 'CREATE TABLE item (a, b, v, PRIMARY KEY (a DESC, b)) WITHOUT ROWID',
    primary: "INSERT INTO item VALUES (2, 'x', 1), (2, 'y', 2), (1, 'x', 3), ('1', 'x', 4)",
    replica: "INSERT INTO item VALUES (1, 'x', 0), (2, 'y', 2), (3, 'z', 9)",
  },
  {
    ...shared,
    name: 'a descending composite key beside a rowid',
    trap: 8,
    ddl: 'CREATE TABLE item (a INT NOT NULL, b TEXT NOT NULL, v, PRIMARY KEY (a, b DESC))',
    primary: "INSERT INTO item VALUES (2, 'x', 1), (2, 'y', 2), (10, 'x', 3)",
    replica: "INSERT INTO item VALUES (1, 'x', 0), (2, 'y', 0), (10, 'z', 9)",
  },
];

const spellings: readonly Case[] = [
  {
    ...shared,
    name: 'a respelt NOCASE key, whose local dependents stay',
    trap: [7, 29],
    ddl: `CREATE TABLE item (k TEXT COLLATE NOCASE PRIMARY KEY, v);
      CREATE TABLE note (id INTEGER PRIMARY KEY, item TEXT REFERENCES item ON DELETE CASCADE)`,
    primary: "INSERT INTO item VALUES ('AMBER', 1), ('beryl', 2)",
    replica: `INSERT INTO item VALUES ('amber', 1), ('Beryl', 2);
      INSERT INTO note VALUES (1, 'aMbEr'), (2, 'Beryl')`,
  },
  {
    ...shared,
    name: 'a key respelt with blanks at its end under RTRIM',
    trap: 7,
    ddl: 'CREATE TABLE item (k TEXT COLLATE RTRIM PRIMARY KEY, v)',
    primary: "INSERT INTO item VALUES ('amber   ', 1), ('beryl', 2)",
    replica: "INSERT INTO item VALUES ('amber', 1), ('beryl ', 0)",
  },
  {
    ...shared,
    name: 'NOCASE keys that only Unicode folds together',
    trap: 7,
    ddl: 'CREATE TABLE item (k TEXT COLLATE NOCASE PRIMARY KEY, v)',
    primary: "INSERT INTO item VALUES ('É', 1), ('é', 2), ('ß', 3), ('SS', 4), ('K', 5)",
    replica: "INSERT INTO item VALUES ('é', 1), ('É', 2), ('ss', 4)",
  },
  {
    ...shared,
    name: 'keys that would collapse into one on the replica',
    trap: 7,
    ddl: {primary: textKey, replica: 'CREATE TABLE item (k TEXT COLLATE NOCASE PRIMARY KEY, v)'},
    primary: "INSERT INTO item VALUES ('a', 1), ('A', 2)",
    replica: "INSERT INTO item VALUES ('a', 1)",
    expect: {refuse: 'SCHEMA_MISMATCH', naming: '"item'},
  },
  {
    ...shared,
    name: 'a key kept unique by another collation than its column has',
    trap: [7, 73],
    ddl: 'CREATE TABLE item (k TEXT COLLATE NOCASE, v, PRIMARY KEY (k COLLATE BINARY))',
    primary: "INSERT INTO item VALUES ('a', 1), ('A', 2)",
    replica: '',
    expect: {refuse: 'KEY_UNUSABLE', naming: '"k"'},
  },
];

export const identity: Theme = {
  title: 'Identity of rows',
  cases: [...keyless, ...nulls, ...rowids, ...spellings],
};
