/** Storage classes and bytes of keys, and the order in which both sides come. */
import type {Case, Theme} from '../case.ts';

const shared = {tables: ['item'], expect: 'converge'} as const;
const textKey = 'CREATE TABLE item (k TEXT PRIMARY KEY, v)';
const anyKey = 'CREATE TABLE item (k PRIMARY KEY, v)';

const cases: readonly Case[] = [
  {
    ...shared,
    name: 'text keys whose order differs between UTF-8 and UTF-16',
    trap: 8,
    ddl: textKey,
    primary: "INSERT INTO item VALUES ('\u{1f600}', 1), ('\uff5e', 2), ('\ue000', 3), ('z', 4)",
    replica: "INSERT INTO item VALUES ('\uff5e', 2), ('\u{1f601}', 1), ('\ue001', 3), ('Z', 4)",
  },
  {
    ...shared,
    name: 'one key of each storage class, and an integer key that became real',
    trap: 9,
    ddl: anyKey,
    primary: {
      item: [
        [1, 'a'],
        ['1', 'b'],
        [Buffer.from('1'), 'c'],
      ],
    },
    replica: {
      item: [
        [1n, 'a'],
        ['1', 'c'],
        [Buffer.from('1'), 'b'],
        ['1.0', 'd'],
      ],
    },
  },
  {
    ...shared,
    name: 'integer keys beside the real that lies between them',
    trap: [9, 11],
    ddl: anyKey,
    primary: {
      item: [
        [9007199254740993n, 1n],
        [9007199254740992, 2n],
        [9007199254740991n, 3n],
      ],
    },
    replica: {
      item: [
        [9007199254740993n, 0n],
        [9007199254740992n, 2n],
        [9007199254740994n, 4n],
      ],
    },
  },
  {
    ...shared,
    name: 'a key of zero that became negative zero',
    trap: [9, 12],
    ddl: anyKey,
    primary: {item: [[-0, 1n]]},
    replica: {item: [[0n, 1n]]},
  },
  {
    ...shared,
    name: 'keys of no bytes: the empty text and the empty blob',
    trap: [9, 19],
    ddl: anyKey,
    primary: {
      item: [
        ['', 1n],
        [Buffer.alloc(0), 2n],
      ],
    },
    replica: {item: [['', 2n]]},
  },
  {
    ...shared,
    name: 'keys that differ after a NUL',
    trap: 16,
    ddl: textKey,
    primary: {
      item: [
        ['a\0b', 1n],
        ['a\0c', 2n],
        ['a', 3n],
      ],
    },
    replica: {
      item: [
        ['a\0b', 2n],
        ['a', 1n],
        ['a\0', 3n],
      ],
    },
  },
  {
    ...shared,
    name: 'keys that are not UTF-8',
    trap: 15,
    ddl: textKey,
    primary: {
      item: [
        [{textBytes: Buffer.from('ff', 'hex')}, 1n],
        [{textBytes: Buffer.from('fe', 'hex')}, 2n],
        ['\ufffd', 3n],
      ],
    },
    replica: {
      item: [
        [{textBytes: Buffer.from('fe', 'hex')}, 1n],
        ['\ufffd', 0n],
      ],
    },
  },
];

export const keys: Theme = {title: 'Values as keys', cases};
