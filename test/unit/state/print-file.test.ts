/** The file of prints comes back as it was kept, or not at all. */
import {readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {PrintFile, type PrintedTables} from '../../../src/state/print-file.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const digest = (letter: string): string => letter.repeat(64);

const tables: PrintedTables = new Map([
  ['t', {form: digest('f'), chunks: []}],
  [
    'odd "name"\n ä, 表',
    {
      form: digest('e'),
      chunks: [
        {entry: {digest: digest('a'), first: 'N01', rows: 512}, print: digest('b')},
        {entry: {digest: digest('c'), first: 'T61,X', rows: 1}, print: undefined},
      ],
    },
  ],
]);

test('what is kept is read again, and by its owner alone', () => {
  const folder = tempFolder();
  const file = new PrintFile(folder);
  expect(file.read()).toEqual(new Map());
  file.keep(tables);
  expect(new PrintFile(folder).read()).toEqual(tables);
  expect(statSync(join(folder, 'prints')).mode & 0o777).toBe(0o600);
  file.keep(new Map());
  expect(file.read()).toEqual(new Map());
});

test('a damaged file says nothing', () => {
  const folder = tempFolder();
  const file = new PrintFile(folder);
  file.keep(tables);
  const path = join(folder, 'prints');
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at++) {
    const other = Buffer.from(bytes);
    other.writeUInt8((other.readUInt8(at) + 1) % 256, at);
    for (const damaged of [other, bytes.subarray(0, at)]) {
      writeFileSync(path, damaged);
      expect(file.read()).toEqual(new Map());
    }
  }
});

test('more than can be read again are not kept, nor those from before', () => {
  const folder = tempFolder();
  const file = new PrintFile(folder);
  const [chunk] = tables.get('odd "name"\n ä, 表')?.chunks ?? [];
  if (chunk === undefined) throw new Error('there is one');
  const many = (chunks: number): PrintedTables =>
    new Map([['t', {form: digest('f'), chunks: Array.from({length: chunks}, () => chunk)}]]);
  file.keep(many(100_000));
  expect(file.read().get('t')?.chunks.length).toBe(100_000);
  file.keep(many(130_000));
  expect(file.read()).toEqual(new Map());
  expect(statSync(join(folder, 'prints')).size).toBeLessThan(100);
});
