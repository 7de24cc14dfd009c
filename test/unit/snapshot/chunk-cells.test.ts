/** Cells read without looking are those that looking gives; what are no rows is never taken for some. */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ROW_CHARS_UNCHECKED_MAX} from '../../../src/kernel/format-limits.ts';
import {decodeChunk} from '../../../src/snapshot/chunk.ts';
import {chunkCells} from '../../../src/snapshot/chunk-cells.ts';
import {cells} from '../../helpers/arbitraries.ts';
import {chunksOf, known, rowsOf, shapeWith} from '../../helpers/tables.ts';

const shape = shapeWith(['a', 'b', 'c']);

test('the same cells as decoding the chunk gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cells(), cells()), {minLength: 1}), async (list) => {
      const rows = rowsOf(
        shape,
        list.map(([b, c], at) => [BigInt(at), b, c]),
      );
      for (const {entry, bytes} of (await chunksOf(shape, rows)).chunks) {
        const wanted = decodeChunk(shape, entry, bytes).map((row) => row.cells);
        expect([...chunkCells(shape, entry, bytes)]).toEqual(wanted);
      }
    }),
  );
});

test('a row of megabytes is read, and one that is a list of many more cells is not', async () => {
  const {chunks} = await chunksOf(
    shape,
    rowsOf(shape, [[1n, 'x'.repeat(ROW_CHARS_UNCHECKED_MAX), null]]),
  );
  const {entry, bytes} = known(chunks[0]);
  expect([...chunkCells(shape, entry, bytes)]).toHaveLength(1);
  const list = Buffer.from(`[${'[],'.repeat(ROW_CHARS_UNCHECKED_MAX)}0]\n`);
  expect(() => [...chunkCells(shape, entry, list)]).toThrow(
    expect.objectContaining({code: 'SNAPSHOT_CORRUPT'}),
  );
});

const entry = {digest: 'f'.repeat(64), first: 'Na1', rows: 2};
test.each([
  ['too few rows', '[1,2,3]\n'],
  ['too many rows', '[1,2,3]\n[2,2,3]\n[3,2,3]\n'],
  ['nothing', ''],
  ['a last line that is cut', '[1,2,3]\n[2,2,3]'],
  ['a row with a cell too few', '[1,2,3]\n[2,2]\n'],
  ['a row with a cell too many', '[1,2,3]\n[2,2,3,4]\n'],
  ['what is no list', '[1,2,3]\n{"length":3}\n'],
  ['what is no JSON', '[1,2,3]\n[2,secret,3]\n'],
  ['bytes that are no text', Buffer.from([0x5b, 0xff, 0x5d, 0x0a])],
])('%s is refused', (_, bytes) => {
  const read = (): unknown => [...chunkCells(shape, entry, Buffer.from(bytes))];
  expect(read).toThrow(expect.objectContaining({code: 'SNAPSHOT_CORRUPT'}));
  expect(read).not.toThrow(/secret/);
});
