/** Every case of the trap corpus converges or refuses, as it declares: there is no third outcome. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, onTestFinished, test} from 'vitest';
import type {Case} from './case.ts';
import {corpus, themes} from './corpus.ts';
import {runOurs, textOf} from './run-ours.ts';

describe.for(themes.map(({title, cases}) => [title, cases] as const))('%s', ([, cases]) => {
  test.for(cases.map((from) => [from.name, from] as const))('%s', async ([, from]) => {
    await expectAsDeclared(from);
  });
});

test('the names of the cases are unique', () => {
  const names = corpus.map(({name}) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

async function expectAsDeclared(from: Case): Promise<void> {
  const outcome = await runOurs(from, temporaryFolder());
  const told = outcome.kind === 'refused' ? textOf(outcome.error) : '';
  expect(outcome.faults, told).toEqual([]);
  const code = outcome.kind === 'refused' ? outcome.error.code : undefined;
  expect(code, told).toBe(from.expect === 'converge' ? undefined : from.expect.refuse);
  if (from.expect !== 'converge') expect(told).toContain(from.expect.naming);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-corpus-'));
  onTestFinished(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}
