/** Databases that differ in one place: the least that any tool for differences must get right. */
import type {Case, Theme} from '../case.ts';

const plain = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v)';
const unique = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT UNIQUE)';
const shared = {tables: ['item'], ddl: plain, expect: 'converge'} as const;
const sharedUnique = {...shared, trap: 24, ddl: unique} as const;

const cases: readonly Case[] = [
  {
    ...shared,
    name: 'a text changed',
    trap: 0,
    primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'coral')",
  },
  {
    ...shared,
    name: 'a row was added',
    trap: 0,
    primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
    replica: "INSERT INTO item VALUES (1, 'amber')",
  },
  {
    ...shared,
    name: 'a row was deleted',
    trap: 0,
    primary: "INSERT INTO item VALUES (2, 'beryl')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...shared,
    name: 'an integer became the real of the same value',
    trap: 10,
    primary: {item: [[1n, 1]]},
    replica: {item: [[1n, 1n]]},
  },
  {
    ...shared,
    name: 'zero became negative zero',
    trap: 12,
    primary: {item: [[1n, -0]]},
    replica: {item: [[1n, 0]]},
  },
  {
    ...shared,
    name: 'a real changed in its last bit',
    trap: 14,
    primary: {item: [[1n, 0.1 + 0.2]]},
    replica: {item: [[1n, 0.3]]},
  },
  {
    ...shared,
    name: 'a real became infinite',
    trap: 13,
    primary: {item: [[1n, Infinity]]},
    replica: {item: [[1n, 1.5]]},
  },
  {
    ...shared,
    name: 'a text goes on after a NUL',
    trap: 16,
    primary: {item: [[1n, 'amber\0beryl']]},
    replica: {item: [[1n, 'amber']]},
  },
  {
    ...shared,
    name: 'a text became the blob of the same bytes',
    trap: 18,
    primary: {item: [[1n, Buffer.from('amber')]]},
    replica: {item: [[1n, 'amber']]},
  },
  {
    ...shared,
    name: 'a text gained control characters',
    trap: 19,
    primary: {item: [[1n, 'am\r\nb\te\u0001r\u007f\\n']]},
    replica: {item: [[1n, 'am\nber']]},
  },
  {
    ...shared,
    name: 'a text became one that is not UTF-8',
    trap: 15,
    primary: {item: [[1n, {textBytes: Buffer.from('ff41', 'hex')}]]},
    replica: {item: [[1n, 'A']]},
  },
  {
    ...shared,
    name: 'an integer became the greatest there is',
    trap: 11,
    primary: {item: [[1n, 9223372036854775807n]]},
    replica: {item: [[1n, 9223372036854775806n]]},
  },
  {
    ...shared,
    name: 'an integer became the least there is',
    trap: 11,
    primary: {item: [[1n, -9223372036854775808n]]},
    replica: {item: [[1n, -9223372036854775807n]]},
  },
  {
    ...shared,
    name: 'a row changed in a table without rowid',
    trap: 6,
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY, v) WITHOUT ROWID',
    primary: "INSERT INTO item VALUES ('a', 'amber'), ('b', 'beryl')",
    replica: "INSERT INTO item VALUES ('a', 'amber'), ('b', 'coral')",
  },
  {
    ...shared,
    name: 'a row with a generated column changed',
    trap: 21,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v, twice AS (v || v) STORED)',
    primary: "INSERT INTO item (id, v) VALUES (1, 'amber')",
    replica: "INSERT INTO item (id, v) VALUES (1, 'beryl')",
  },
  {
    ...shared,
    name: 'a key is spelt otherwise, and equal under NOCASE',
    trap: 7,
    ddl: 'CREATE TABLE item (k TEXT COLLATE NOCASE PRIMARY KEY, v)',
    primary: "INSERT INTO item VALUES ('aMBER', 1)",
    replica: "INSERT INTO item VALUES ('Amber', 1)",
  },
  {
    ...shared,
    name: 'a row whose key is NULL changed',
    trap: 2,
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY, v)',
    primary: "INSERT INTO item VALUES (NULL, 'amber'), ('b', 'beryl')",
    replica: "INSERT INTO item VALUES (NULL, 'coral'), ('b', 'beryl')",
    expect: {refuse: 'KEY_UNUSABLE', naming: '"k"'},
  },
  {
    ...shared,
    name: 'one of two equal rows without a key is missing',
    trap: 1,
    ddl: 'CREATE TABLE item (a, b)',
    primary: 'INSERT INTO item VALUES (1, 2), (1, 2)',
    replica: 'INSERT INTO item VALUES (1, 2)',
    options: {keyless: 'multiset'},
  },
  {
    ...sharedUnique,
    name: 'two unique values changed places',
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'amber')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl')",
  },
  {
    ...sharedUnique,
    name: 'unique values shifted by one row',
    primary: "INSERT INTO item VALUES (1, 'beryl'), (2, 'coral'), (3, 'fresh')",
    replica: "INSERT INTO item VALUES (1, 'amber'), (2, 'beryl'), (3, 'coral')",
  },
  {
    ...sharedUnique,
    name: 'a unique value moved to a new row',
    primary: "INSERT INTO item VALUES (1, 'amber'), (2, 'fresh')",
    replica: "INSERT INTO item VALUES (2, 'amber')",
  },
  {
    ...shared,
    name: 'a trigger of the replica rewrites what is written',
    trap: 31,
    ddl: {
      primary: plain,
      replica: `${plain}; CREATE TRIGGER lowers AFTER UPDATE OF v ON item
        BEGIN UPDATE item SET v = lower(new.v) WHERE id = new.id; END`,
    },
    primary: "INSERT INTO item VALUES (1, 'AMBER')",
    replica: "INSERT INTO item VALUES (1, 'coral')",
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
];

export const oneDifference: Theme = {title: 'One difference', cases};
