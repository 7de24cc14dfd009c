/**
 * A law: what the declared actions do to tables that are not replicated is what SQLite itself does when the
 * same rows change with references enforced, in one transaction, checked at its end.
 *
 * SQLite works statement by statement and row by row, so that its result can depend on the order: where a
 * row is reached by two references (one deletes it, another keeps its parent), or two references share a
 * column. The same changes are therefore run in several orders, and only where SQLite agrees with itself is
 * it a witness. Nor is it one where RESTRICT holds a row that another reference deletes: there the order of
 * rows within one statement decides; and deferring takes the edge off RESTRICT where another row takes the value.
 * Nor where the referring column alone converts values: SQLite's actions go by its affinity, its checks by the other's.
 * Values that rows exchange go through a parking value, as SQLite checks UNIQUE row by row.
 */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {bothWays} from './both-ways.ts';
import type {ModelCase} from './cases.ts';
import type {Content} from './databases.ts';
import {inFolder} from './folder.ts';
import {referenceCases} from './generate.ts';
import {testSeed} from './search.ts';

const CASES = 300;

test('law: local tables follow as they do under the enforcement of SQLite itself', async () => {
  const seed = testSeed();
  const seen = {undecided: 0, refused: 0, equal: 0, followed: 0};
  const property = fc.asyncProperty(referenceCases(), async (made) => {
    await inFolder(async (folder) => {
      const {witness, held, before, ours} = await bothWays(made, folder);
      if (witness === undefined || held) {
        seen.undecided++;
        return;
      }
      expect(ours, JSON.stringify(made)).toEqual(witness);
      if (witness === 'refused') seen.refused++;
      else seen.equal++;
      if (witness !== 'refused' && local(made, before) !== local(made, witness)) seen.followed++;
    });
  });
  process.stdout.write(`own actions: seed ${seed}\n`);
  await fc.assert(property, {numRuns: CASES, seed});
  process.stdout.write(`own actions: ${JSON.stringify(seen)}\n`);
  expect(seen.followed).toBeGreaterThan(CASES / 50);
  expect(seen.refused).toBeGreaterThan(0);
});

function local({tables}: ModelCase, content: Content): string {
  const names = tables.filter(({replicated}) => !replicated).map(({name}) => name);
  return JSON.stringify(names.map((name) => content.get(name)));
}
