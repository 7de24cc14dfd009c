import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeCell, encodeCell} from '../../src/canonical/cell.ts';
import {encodeRow, parseRow, rowText} from '../../src/canonical/row.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {cells, edgeCells, runs} from '../helpers/arbitraries.ts';
import {typed} from '../helpers/temp-db.ts';

const text = (cell: Cell): string => JSON.stringify(encodeCell(cell));

test('law: decoding what was encoded gives the same class and the same bits', () => {
  fc.assert(
    fc.property(cells(), (cell) => {
      expect(typed(decodeCell(JSON.parse(text(cell))))).toBe(typed(cell));
    }),
    runs,
  );
});

test('the known trouble-makers are read back, and all have texts of their own', () => {
  for (const cell of edgeCells) expect(typed(decodeCell(JSON.parse(text(cell))))).toBe(typed(cell));
  expect(new Set(edgeCells.map(text)).size).toBe(edgeCells.length);
  expect(new Set(edgeCells.map(typed)).size).toBe(edgeCells.length);
});

test('law: distinct cells have distinct texts, and equal ones the same', () => {
  fc.assert(
    fc.property(cells(), cells(), (a, b) => {
      expect(text(a) === text(b)).toBe(typed(a) === typed(b));
    }),
    runs,
  );
});

/** The same digits or bytes under every class that could hold them. */
test('law: a value is told apart from its look-alikes of other classes', () => {
  fc.assert(
    fc.property(fc.integer(), (integer) => {
      const spelled = String(integer);
      const bytes = new Uint8Array(Buffer.from(spelled));
      const alike: Cell[] = [BigInt(integer), integer, spelled, bytes, text(integer), null, 'null'];
      expect(new Set(alike.map(text)).size).toBe(alike.length);
    }),
    runs,
  );
});

test('law: a row is read back from its text, and from no other text', () => {
  fc.assert(
    fc.property(
      fc.array(cells(), {minLength: 1, maxLength: 5}),
      fc.nat(),
      fc.constantFrom(' ', '\n', '0', ',', '"', '.0', 'e0', '-', '+'),
      (row, at, extra) => {
        const spelled = rowText(encodeRow(row));
        expect(parseRow(spelled, row.length).map(decodeCell).map(typed)).toEqual(row.map(typed));
        const place = at % (spelled.length + 1);
        const mutated = spelled.slice(0, place) + extra + spelled.slice(place);
        const read = parsed(mutated, row.length);
        if (read !== undefined) expect(rowText(encodeRow(read))).toBe(mutated);
      },
    ),
    runs,
  );
});

test('law: any other JSON value of the same cell is refused', () => {
  const other = fc.oneof(
    fc.double().map((real) => ({r: String(real)})),
    fc.bigInt({min: -(2n ** 65n), max: 2n ** 65n}).map((i) => ({i: i.toString()})),
    fc.string({maxLength: 6}).map((b) => ({b})),
    fc.base64String({maxLength: 8}).map((b) => ({b: b.replace(/=/g, '')})),
    fc.base64String({maxLength: 8}).map((t) => ({t})),
    fc.string({maxLength: 4}).map((i) => ({i})),
    fc.string({maxLength: 4}).map((r) => ({r})),
    fc.string({unit: 'binary', maxLength: 3}),
    fc.double(),
    fc.jsonValue({maxDepth: 1}),
  );
  fc.assert(
    fc.property(other, (wire) => {
      const spelled = JSON.stringify(wire);
      let cell: Cell;
      try {
        cell = decodeCell(JSON.parse(spelled));
      } catch (error) {
        expect(error).toMatchObject({code: 'SNAPSHOT_CORRUPT'});
        return;
      }
      expect(text(cell)).toBe(JSON.stringify(JSON.parse(spelled)));
    }),
    runs,
  );
});

test.each<[string, string]>([
  ['a tagged small integer', '{"i":"1"}'],
  ['an integer with a plus', '{"i":"+9007199254740992"}'],
  ['an integer with a leading zero', '{"i":"09007199254740992"}'],
  ['an integer beyond 64 bits', '{"i":"9223372036854775808"}'],
  ['an integer below 64 bits', '{"i":"-9223372036854775809"}'],
  ['a large integer without tag', '9007199254740992'],
  ['negative zero without tag', '-0'],
  ['a tagged fraction', '{"r":"0.5"}'],
  ['a real that is not shortest', '{"r":"1.0"}'],
  ['a real in another notation', '{"r":"1e21"}'],
  ['an empty real', '{"r":""}'],
  ['base64 without padding', '{"b":"AA"}'],
  ['base64 with stray bits', '{"b":"AB=="}'],
  ['base64 of the URL kind', '{"b":"_w=="}'],
  ['valid text as bytes', '{"t":"YQ=="}'],
  ['half a surrogate pair', '"\\ud83d"'],
  ['two tags', '{"b":"","t":""}'],
  ['an unknown tag', '{"x":""}'],
  ['no tag', '{}'],
  ['a tag without text', '{"i":1}'],
  ['a boolean', 'true'],
  ['a list', '[]'],
])('refuses %s', (_, json) => {
  expect(() => decodeCell(JSON.parse(json))).toThrow(
    expect.objectContaining({code: 'SNAPSHOT_CORRUPT'}),
  );
});

test.each([
  '[1.0]',
  '[1e2]',
  '[ 1]',
  '["\\u0061"]',
  '["\\/"]',
  '[{"r":"1","r":"2"}]',
  '[1,2]',
  '1',
  '',
])('refuses the row %s', (row) => {
  expect(() => parseRow(row, 1)).toThrow(expect.objectContaining({code: 'SNAPSHOT_CORRUPT'}));
});

function parsed(row: string, columns: number): readonly Cell[] | undefined {
  try {
    return parseRow(row, columns).map(decodeCell);
  } catch {
    return undefined;
  }
}
