/** Values that a careless reading, writing or comparing takes for others. */
import type {Cell} from '../../../src/kernel/row.ts';
import type {Case, Theme} from '../case.ts';

const untyped = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v)';
const text = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)';
const shared = {tables: ['item'], ddl: untyped, expect: 'converge'} as const;

const numbers: readonly Case[] = [
  {
    ...shared,
    name: 'integers around the last that a double holds exactly',
    trap: 11,
    primary: {item: numbered(9007199254740991n, 9007199254740992n, 9007199254740993n, -1n)},
    replica: {item: numbered(9007199254740992n, 9007199254740993n, 9007199254740992n, 1n)},
  },
  {
    ...shared,
    name: 'one of each storage class that reads as 1',
    trap: [10, 18],
    primary: {item: numbered(1n, 1, '1', Buffer.from('1'), '1.0', '01')},
    replica: {item: numbered(1, '1', Buffer.from('1'), 1n, 1, '1')},
  },
  {
    ...shared,
    name: 'reals without a fraction, beyond all integers',
    trap: 10,
    primary: {item: numbered(1e15, 2 ** 53, 2 ** 63, 1e21, -1e300)},
    replica: {item: numbered(10n ** 15n, 9007199254740992n, 9223372036854775807n, '1e21', null)},
  },
  {
    ...shared,
    name: 'the smallest and the greatest reals',
    trap: 14,
    primary: {item: numbered(5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1 / 3)},
    replica: {item: numbered(0, 2.225073858507201e-308, 1.7976931348623155e308, 0.333333333333333)},
  },
  {
    ...shared,
    name: 'both infinities in a REAL column',
    trap: 13,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v REAL)',
    primary: {item: numbered(Infinity, -Infinity, 0.5)},
    replica: {item: numbered(-Infinity, 1.7976931348623157e308, Infinity)},
  },
  {
    ...shared,
    name: 'values in an INTEGER column that it cannot convert',
    trap: [10, 23],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER)',
    primary: {item: numbered(1.5, 'amber', Buffer.from('5'), '', 2 ** 63, Infinity)},
    replica: {item: numbered(1n, 2n, 5n, 0n, 9223372036854775807n, null)},
  },
  {
    ...shared,
    name: 'texts that look like numbers, in TEXT and in NUMERIC columns',
    trap: 23,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b NUMERIC, c DATETIME, d BOOLEAN)',
    primary: `INSERT INTO item VALUES (1, '007', '007x', '2024-01-01', 'true'), (2, '1.0', 1.5, 20240101, 1),
      (3, '1e5', x'31', '0000-00-00', 0)`,
    replica: `INSERT INTO item VALUES (1, '7', 7, 2024, 1), (2, '1', 1, '2024-01-01', 'true'), (3, '100000', 1, 0, '0.0x')`,
  },
];

const texts: readonly Case[] = [
  {
    ...shared,
    name: 'NULL, the empty text, the empty blob and texts that spell NULL',
    trap: 19,
    primary: {item: numbered(null, '', Buffer.alloc(0), 'NULL', 'null', '\\N')},
    replica: {item: numbered('', Buffer.alloc(0), null, null, 'NULL', null)},
  },
  {
    ...shared,
    name: 'neighbouring texts that run together without their lengths',
    trap: 19,
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, a, b, c)',
    primary: `INSERT INTO item VALUES (1, 'ab', 'c', ''), (2, 'a,b', 'c', NULL), (3, 'a''', 'b', '|')`,
    replica: `INSERT INTO item VALUES (1, 'a', 'bc', ''), (2, 'a', 'b,c', NULL), (3, 'a', '''b', '|')`,
  },
  {
    ...shared,
    name: 'texts full of quotes, statements and line ends',
    trap: 19,
    primary: {
      item: numbered(`'; DELETE FROM item; --`, '"\'`]', '.quit\n.exit', ' \t\r\n;', '$1?:x'),
    },
    replica: {item: numbered('', '', '', ' \t\n;', '')},
  },
  {
    ...shared,
    name: 'a text of 300 000 characters whose last one changed',
    trap: 19,
    ddl: text,
    primary: {item: numbered(`${'тело 🎉'.repeat(50_000)}a`)},
    replica: {item: numbered(`${'тело 🎉'.repeat(50_000)}b`)},
  },
  {
    ...shared,
    name: 'texts that Unicode counts as equal, and marks at their ends',
    trap: 19,
    ddl: text,
    primary: {item: numbered('\u00e9', 'e\u0301', '\ufeffa', 'a\u200b', 'a ', '\u212b')},
    replica: {item: numbered('e\u0301', '\u00e9', 'a', 'a', 'a', '\u00c5')},
  },
  {
    ...shared,
    name: 'NUL at the start, in the middle, at the end and alone',
    trap: 16,
    ddl: text,
    primary: {item: numbered('\0amber', 'am\0ber', 'amber\0', '\0', '\0\0')},
    replica: {item: numbered('', 'am', 'amber', '', '\0')},
  },
  {
    ...shared,
    name: 'bytes of lone surrogates in text',
    trap: 17,
    ddl: text,
    primary: {item: numbered(bytes('eda080'), bytes('edbfbf'), bytes('eda080edb080'))},
    replica: {item: numbered(bytes('eda081'), '\ufffd', '\u{10000}')},
  },
  {
    ...shared,
    name: 'bytes of cut, overlong and impossible characters in text',
    trap: 15,
    ddl: text,
    primary: {item: numbered(bytes('f0908d'), bytes('c080'), bytes('f8888080'), bytes('80'))},
    replica: {item: numbered('\ufffd', '\0', bytes('f88880'), bytes('8080'))},
  },
  {
    ...shared,
    name: 'a true replacement character where the replica has a bad byte',
    trap: 15,
    ddl: text,
    primary: {item: numbered('\ufffd', bytes('ff'))},
    replica: {item: numbered(bytes('ff'), '\ufffd')},
  },
  {
    ...shared,
    name: 'blobs of every byte, beside text of the same bytes',
    trap: 18,
    primary: {item: numbered(everyByte(), bytes('fe41'), Buffer.alloc(5000))},
    replica: {item: numbered(everyByte().subarray(1), Buffer.from('fe41', 'hex'), 'zero')},
  },
];

const odd = numbered('тело', 'ab', '\u{1f600}', '\ufeffx', 'plain');
const evens = numbered('тел', 'a', '\u{1f601}', 'x', 'plain', 'more');

const encodings: readonly Case[] = [
  ...(['UTF-16le', 'UTF-16be'] as const).map((encoding): Case => ({
    ...shared,
    name: `both databases in ${encoding}`,
    trap: 75,
    ddl: text,
    encoding,
    primary: {item: odd},
    replica: {item: evens},
  })),
  {
    ...shared,
    name: 'NUL within text of a UTF-16 database',
    trap: [16, 75],
    ddl: text,
    encoding: 'UTF-16le',
    primary: {item: numbered('am\0ber', '\0', 'beryl')},
    replica: {item: numbered('am', '', 'beryl')},
  },
  {
    ...shared,
    name: 'a primary in UTF-8 and a replica in UTF-16',
    trap: 75,
    ddl: text,
    encoding: {primary: 'UTF-8', replica: 'UTF-16le'},
    primary: {item: odd},
    replica: {item: evens},
  },
  {
    ...shared,
    name: 'a primary in UTF-16 and a replica in UTF-8',
    trap: 75,
    ddl: text,
    encoding: {primary: 'UTF-16be', replica: 'UTF-8'},
    primary: {item: odd},
    replica: {item: evens},
  },
  {
    ...shared,
    name: 'text keys of UTF-16 databases, whose order is that of UTF-16',
    trap: [8, 75],
    ddl: 'CREATE TABLE item (k TEXT PRIMARY KEY, v)',
    encoding: 'UTF-16le',
    primary: "INSERT INTO item VALUES ('\u{1f600}', 1), ('\uff5e', 2), ('\ue000', 3), ('z', 4)",
    replica: "INSERT INTO item VALUES ('\uff5e', 2), ('\u{1f601}', 1), ('\ue001', 3), ('Z', 4)",
  },
  {
    ...shared,
    name: 'half a character in a UTF-16 database',
    trap: [17, 75],
    ddl: text,
    encoding: 'UTF-16le',
    primary: "INSERT INTO item VALUES (1, CAST(x'00d86100' AS TEXT))",
    replica: "INSERT INTO item VALUES (1, 'amber')",
    expect: {refuse: 'VALUE_UNSUPPORTED', naming: '"item"'},
  },
  {
    ...shared,
    name: 'a text that is not UTF-8, for a replica in UTF-16',
    trap: [15, 75],
    ddl: text,
    encoding: {primary: 'UTF-8', replica: 'UTF-16le'},
    primary: {item: numbered(bytes('ff41'))},
    replica: {item: numbered('A')},
    expect: {refuse: 'PROOF_FAILED', naming: 'item'},
  },
];

const strict: readonly Case[] = [
  {
    ...shared,
    name: 'a STRICT table with a column of each type',
    trap: 23,
    ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY, i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT`,
    primary: {
      item: [
        [1n, 9223372036854775807n, 0.5, '1', Buffer.from('1'), 1],
        [2n, 0n, 3, '', Buffer.alloc(0), null],
      ],
    },
    replica: {
      item: [
        [1n, 1n, 1, '1.0', Buffer.from('1.0'), 1n],
        [3n, 0n, 3, '', Buffer.alloc(0), null],
      ],
    },
  },
  {
    ...shared,
    name: 'a STRICT column of type ANY',
    trap: [10, 23],
    ddl: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v ANY) STRICT',
    primary: {item: numbered(1n, 1, '1', Buffer.from('1'), '1.0', -0)},
    replica: {item: numbered(1, '1', Buffer.from('1'), 1n, 1, 0n)},
  },
  {
    ...shared,
    name: 'a text that the STRICT table of the replica does not take',
    trap: 23,
    ddl: {
      primary: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER)',
      replica: 'CREATE TABLE item (id INTEGER PRIMARY KEY, v INTEGER) STRICT',
    },
    primary: {item: numbered('amber')},
    replica: {item: numbered(1n)},
    expect: {refuse: 'CONSTRAINT', naming: 'item'},
  },
];

export const values: Theme = {
  title: 'Values',
  cases: [...numbers, ...texts, ...encodings, ...strict],
};

/** Rows with ids from 1, one value each. */
function numbered(...cells: readonly Cell[]): readonly (readonly Cell[])[] {
  return cells.map((cell, at) => [BigInt(at + 1), cell]);
}

/** A text of these bytes, given in hexadecimal. */
function bytes(hex: string): Cell {
  return {textBytes: Buffer.from(hex, 'hex')};
}

function everyByte(): Buffer {
  return Buffer.from(Array.from({length: 256}, (_, byte) => byte));
}
