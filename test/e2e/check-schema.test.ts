/** check-schema: what would come of the newest snapshot, or of another database, by migration, table and column. */
import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import type {Judgement} from '../../src/index.ts';
import {Instance, printed, refusal} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {nextStep, olderKuma, stepFolder, upgradedKuma} from '../helpers/upgraded-kuma.ts';

const folder = temporaryFolder();
const older = olderKuma(join(folder, 'older.db'));
const newer = upgradedKuma(older, join(folder, 'newer.db'));
const steps = ['--compat', stepFolder(join(folder, 'steps'))];

function instance(database: string, name: string): Instance {
  return new Instance({database, store: `dir:${join(folder, `store-${name}`)}`});
}

const here = instance(older, 'a');
const there = instance(newer, 'a');

async function judged(
  of: Instance,
  ...args: string[]
): Promise<Judgement & {exitCode: number | null}> {
  const {stdout, stderr, exitCode} = await of.run('check-schema', '--json', ...args);
  expect(stderr).toBe('');
  return {...(JSON.parse(stdout) as Judgement), exitCode};
}

describe('against another database', () => {
  test('identical', async () => {
    const copy = join(folder, 'copy.db');
    copyFileSync(older, copy);
    expect(await judged(here, copy)).toEqual({
      exitCode: 0,
      verdict: 'identical',
      migrations: {missingHere: [], missingThere: []},
      steps: [],
      differences: [],
      blocking: [],
    });
  });

  test('compatible: an older one is lifted', async () => {
    const result = await judged(there, older, ...steps);
    expect(result).toMatchObject({
      exitCode: 0,
      verdict: 'compatible',
      migrations: {missingHere: [], missingThere: ['patch-next.sql']},
      steps: ['next'],
      blocking: [],
    });
    expect(result.differences).toContainEqual(
      expect.objectContaining({table: 'monitor', kind: 'column', name: 'timeout', here: 'DOUBLE'}),
    );
  });

  test('compatible or held: a newer one is lowered where its rows allow it', async () => {
    const free = join(folder, 'free.db');
    copyFileSync(newer, free);
    expect(await judged(here, free, ...steps)).toMatchObject({
      verdict: 'compatible',
      exitCode: 0,
      migrations: {missingHere: ['patch-next.sql'], missingThere: []},
    });
    execute(free, `UPDATE monitor SET timeout = 1 WHERE id = 2`);
    const held = await judged(here, free, ...steps);
    expect(held).toMatchObject({verdict: 'held', exitCode: 20, steps: ['next']});
    expect(held.blocking).toEqual([
      expect.objectContaining({table: 'monitor', column: 'timeout', migration: null}),
    ]);
  });

  test('held and refused, where no step is known', async () => {
    const held = await judged(here, newer);
    expect(held).toMatchObject({verdict: 'held', exitCode: 20, steps: []});
    expect(held.blocking).toMatchObject([{migration: 'patch-next.sql', table: null, column: null}]);
    const refused = await judged(there, older);
    expect(refused).toMatchObject({verdict: 'refused', exitCode: 20});
    expect(refused.blocking).toMatchObject([{migration: 'patch-next.sql'}]);
    const {stdout} = await there.run('check-schema', older);
    expect(stdout).toMatch(/^Refused: .*\n.*patch-next\.sql/);
    expect(stdout).toContain('What to do: ');
  });

  test('refused: names each column that steps do not account for, and each table that differs by itself', async () => {
    const half = stepFolder(
      join(folder, 'half'),
      nextStep
        .replace(/ {2}- \{op: renameColumn.*\n/, '')
        .replace(/ {2}- \{op: dropColumn.*\n/, '  - {op: changeTable, table: notification}\n'),
    );
    const result = await judged(there, older, '--compat', half);
    expect(result.verdict).toBe('refused');
    expect(result.blocking.map(({table, column}) => `${table}.${column}`).sort()).toEqual([
      'notification.config',
      'notification.v',
      'tag.v',
    ]);
    const other = join(folder, 'strayed.db');
    copyFileSync(older, other);
    execute(other, 'ALTER TABLE monitor ADD COLUMN extra; ALTER TABLE tag ADD COLUMN extra');
    const strayed = await judged(here, other);
    expect(strayed.blocking.map(({table, column}) => `${table}.${column}`).sort()).toEqual([
      'monitor.extra',
      'tag.extra',
    ]);
  });
});

describe('against the newest snapshot', () => {
  test('says that there is none yet', async () => {
    const none = await instance(older, 'none').run('check-schema', '--json');
    expect(refusal(none)).toMatchObject({exitCode: 10});
  });

  test('tells the columns that the manifest knows, and writes nothing', async () => {
    await there.capture();
    const held = await judged(here);
    expect(held).toMatchObject({verdict: 'held', exitCode: 20});
    expect(held.differences).toEqual([
      {table: 'monitor', kind: 'column', name: 'timeout', there: 'DOUBLE'},
      {table: 'notification', kind: 'column', name: 'config', there: 'untyped'},
      {table: 'notification', kind: 'column', name: 'v', here: 'untyped'},
      {table: 'tag', kind: 'column', name: 'v', here: 'untyped'},
    ]);
    expect(await judged(here, ...steps)).toMatchObject({verdict: 'compatible', exitCode: 0});
    expect(await judged(there)).toMatchObject({verdict: 'identical', exitCode: 0});
    expect(printed.join('\n')).not.toContain('secret');
  });
});
