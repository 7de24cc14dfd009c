/** docs/correctness.md tells of the very cases that are run, and of each what it has to come to. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {corpus} from './corpus.ts';
import {rowOf, rowsOfSection} from './page.ts';

test('the page lists every case with what becomes of it (npm run corpus -- --write mends it)', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/correctness.md'), 'utf8');
  // What sqldiff does depends on its release.
  const ours = (row: readonly string[]): readonly string[] => row.slice(0, -1);
  expect(rowsOfSection(page).map(ours)).toEqual(corpus.map((from) => ours(rowOf(from, ''))));
});
