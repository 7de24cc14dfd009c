/** Random cells and rows, with the values that break replicators over-represented. */
import fc from 'fast-check';
import type {Cell} from '../../src/kernel/row.ts';

/** The number of runs that every law gets, unless it says why not. */
export const runs = {numRuns: 1000};

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

const integerEdges = [0n, 1n, -1n, 12n, 120n, int64Min, int64Max, int64Max - 1n, int64Min + 1n];
const safeEdges = [53n, 54n, 62n].flatMap((bits) =>
  [-1n, 0n, 1n].flatMap((by) => [2n ** bits + by, -(2n ** bits) + by]),
);

export function integers(): fc.Arbitrary<bigint> {
  return fc.oneof(
    fc.constantFrom(...integerEdges, ...safeEdges),
    fc.bigInt({min: -20n, max: 20n}),
    fc.bigInt({min: int64Min, max: int64Max}),
  );
}

const realEdges: readonly number[] = [
  [0, -0, 1, -1, 0.5, 12, 120, 0.25, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE],
  [Infinity, -Infinity, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 63, -(2 ** 63)],
  [9223372036854774784, 1e18, 1e19, 1e21, 1e24, 1e25, -1e25, 1e100, 0.1, 0.1 + 0.2],
  [4503599627370495.5, 4503599627370496, -4503599627370495.5, 1e-7, 2.2250738585072014e-308],
].flat();

/** Every double but NaN, which SQLite stores as NULL. */
export function reals(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.constantFrom(...realEdges),
    fc.double({noNaN: true}),
    fc.integer().map((integer) => integer / 4),
  );
}

const textEdges = [
  ['', 'a', 'A', 'b', 'aB', 'Ab ', ' a', 'a ', 'a  ', ' ', 'null', '1', '1.0', '-0', '1e3'],
  ['a\u0000b', 'a\u0000', '\u0000', '😀', '\uFFFD', '\uFEFFx', '\uE000', '\uFFFF', '\u{10FFFF}'],
  ['שלום', 'é', 'É', 'a\r\nb', ';\n', "'", '"', '\\', '\u2028', '\u007f', '[', '`', '_'],
].flat();

export function texts(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(...textEdges),
    fc.string({unit: 'binary', maxLength: 6}),
    fc.string({unit: fc.constantFrom('a', 'A', 'b', ' ', 'Z', '1'), maxLength: 4}),
  );
}

function bytes(): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({maxLength: 6}),
    texts().map((text) => new Uint8Array(Buffer.from(text))),
  );
}

/** Bytes that are no UTF-8: lone continuation, overlong, surrogate, cut short, and random ones. */
export function badTexts(): fc.Arbitrary<Cell> {
  const tails = [[0xff], [0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0xf5, 1, 1, 1]];
  return fc
    .tuple(fc.uint8Array({maxLength: 3}), fc.constantFrom(...tails))
    .map(([head, tail]) => ({textBytes: new Uint8Array([...head.map((b) => b & 0x7f), ...tail])}));
}

/** The known trouble-makers, each of them for certain; no two are one value. */
export const edgeCells: readonly Cell[] = [
  null,
  ...new Set([...integerEdges, ...safeEdges]),
  ...new Set(realEdges.filter((real) => !Object.is(real, -0))),
  -0,
  ...new Set(textEdges),
  ...[[], [0], [0x61], [0xff, 0x41]].map((list) => new Uint8Array(list)),
  {textBytes: new Uint8Array([0xff, 0x41])},
  {textBytes: new Uint8Array([0xed, 0xa0, 0x80])},
];

export function cells(): fc.Arbitrary<Cell> {
  return fc.oneof(fc.constant(null), integers(), reals(), texts(), badTexts(), bytes());
}

/** Cells that a key may hold. */
export function keyCells(): fc.Arbitrary<Cell> {
  return cells().filter((cell) => cell !== null);
}
