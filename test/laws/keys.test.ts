import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {
  decodeKey,
  encodeKey,
  encodeKeyCell,
  encodeWireKey,
  type Fold,
} from '../../src/canonical/key.ts';
import {encodeCell} from '../../src/canonical/cell.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {badTexts, cells, edgeCells, keyCells, runs, texts} from '../helpers/arbitraries.ts';

// SQLite itself is the oracle: untyped columns keep every value as it is bound.
const db = new BetterSqlite3(':memory:');
db.exec('CREATE TABLE pair (side INTEGER PRIMARY KEY, a, b, c)');

function compareInSqlite(left: readonly Cell[], right: readonly Cell[]): number {
  db.exec('DELETE FROM pair');
  [left, right].forEach((row, side) => put(side, row));
  const compare = (at: string): string =>
    `CASE WHEN l.${at} IS r.${at} THEN 0 WHEN l.${at} IS NULL THEN -1 WHEN r.${at} IS NULL THEN 1 WHEN l.${at} < r.${at} THEN -1 ELSE 1 END`;
  const row = db
    .prepare(
      `SELECT ${['a', 'b', 'c'].map(compare).join(', ')} FROM pair l, pair r WHERE l.side = 0 AND r.side = 1`,
    )
    .raw(true)
    .get() as readonly number[];
  return row.find((order) => order !== 0) ?? 0;
}

function put(side: number, row: readonly Cell[]): void {
  const padded = [0, 1, 2].map((at) => row[at] ?? null);
  const holders = padded.map((cell) => (isTextBytes(cell) ? 'CAST(? AS TEXT)' : '?'));
  const values = padded.map((cell) => (isTextBytes(cell) ? cell.textBytes : cell));
  db.prepare(`INSERT INTO pair VALUES (${side}, ${holders.join(', ')})`).run(...values);
}

function isTextBytes(cell: Cell): cell is {readonly textBytes: Uint8Array} {
  return cell !== null && typeof cell === 'object' && 'textBytes' in cell;
}

const binary: readonly Fold[] = ['binary', 'binary', 'binary'];
const order = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

test('law: encoded keys sort as the values do in SQLite under BINARY', () => {
  fc.assert(
    fc.property(cells(), cells(), (a, b) => {
      expect(order(encodeKey([a], binary), encodeKey([b], binary))).toBe(compareInSqlite([a], [b]));
    }),
    runs,
  );
});

test('the known trouble-makers sort as in SQLite, each against each', () => {
  const sorted = edgeCells.toSorted((a, b) => order(encodeKeyCell(a), encodeKeyCell(b)));
  sorted.slice(1).forEach((cell, at) => {
    const before = sorted[at] ?? null;
    const known = order(encodeKeyCell(before), encodeKeyCell(cell));
    expect([known, compareInSqlite([before], [cell])]).toEqual([known, known]);
  });
});

test('law: composite keys sort component by component', () => {
  const pool = fc.array(cells(), {minLength: 3, maxLength: 3}).chain((some) => {
    const key = fc.tuple(...some.map(() => fc.oneof(fc.constantFrom(...some), cells())));
    return fc.tuple(key, key);
  });
  fc.assert(
    fc.property(pool, ([a, b]) => {
      expect(order(encodeKey(a, binary), encodeKey(b, binary))).toBe(compareInSqlite(a, b));
    }),
    runs,
  );
});

test('law: numbers close to each other keep their order across storage classes', () => {
  const near = fc
    .constantFrom(2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 10n ** 15n, 10n ** 18n, 100n, 1n)
    .chain((size) =>
      fc
        .tuple(fc.bigInt({min: -3n, max: 0n}), fc.boolean(), fc.boolean())
        .map(([by, negative, real]): Cell => {
          const integer = negative ? -(size + by) : size + by;
          return real ? Number(integer) : integer;
        }),
    );
  const fractions = fc
    .tuple(fc.bigInt({min: -4n, max: 4n}), fc.constantFrom(0.5, 1, 2 ** 51, 2 ** 52, 1e-300))
    .map(([by, unit]): Cell => unit + Number(by) * Number.EPSILON * unit);
  const number = fc.oneof(near, fractions);
  fc.assert(
    fc.property(number, number, (a, b) => {
      expect(order(encodeKeyCell(a), encodeKeyCell(b))).toBe(compareInSqlite([a], [b]));
    }),
    runs,
  );
});

test('law: decoded keys compare equal to what was encoded', () => {
  fc.assert(
    fc.property(fc.array(cells(), {minLength: 1, maxLength: 3}), (key) => {
      const encoded = encodeKey(key, binary);
      expect(encoded).toMatch(/^[\x2c-\x7e]+$/);
      const decoded = decodeKey(encoded);
      expect(decoded.length).toBe(key.length);
      expect(compareInSqlite(decoded, key)).toBe(0);
      expect(encodeKey(decoded, binary)).toBe(encoded);
    }),
    runs,
  );
});

test('law: keys from wire cells are those from cells', () => {
  fc.assert(
    fc.property(fc.array(keyCells(), {minLength: 1, maxLength: 3}), (key) => {
      expect(encodeWireKey(key.map(encodeCell), binary)).toBe(encodeKey(key, binary));
    }),
    runs,
  );
});

test.each<[Fold, string]>([
  ['nocase', 'NOCASE'],
  ['rtrim', 'RTRIM'],
  ['binary', 'BINARY'],
])(
  'law: under %s two texts have one key where a unique index sees one value',
  (fold, collation) => {
    db.exec(`DROP TABLE IF EXISTS folded; CREATE TABLE folded (k COLLATE ${collation} UNIQUE)`);
    const insert = db.prepare('INSERT OR IGNORE INTO folded VALUES (CAST(? AS TEXT))');
    const text = fc.oneof(texts(), texts(), badTexts());
    const alike = text.chain((cell) => {
      const twins =
        typeof cell === 'string' ? [cell.toUpperCase(), `${cell} `, `${cell}\t`, cell.trim()] : [];
      return fc.tuple(fc.constant(cell), fc.oneof(text, fc.constantFrom(cell, ...twins)));
    });
    fc.assert(
      fc.property(alike, ([a, b]) => {
        db.exec('DELETE FROM folded');
        for (const cell of [a, b]) {
          insert.run(isTextBytes(cell) ? cell.textBytes : Buffer.from(cell as string));
        }
        const {n} = db.prepare('SELECT count(*) AS n FROM folded').get() as {n: number};
        expect(encodeKey([a], [fold]) === encodeKey([b], [fold])).toBe(n === 1);
      }),
      runs,
    );
  },
);
