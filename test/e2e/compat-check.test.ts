/** compat check: faults by file and line, and steps proven on databases before and after an upgrade. */
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import type {CompatCheckResult} from '../../src/index.ts';
import {refusal, rowplica, type CliResult} from '../helpers/cli.ts';
import {copyFixture, fixturesRoot} from '../helpers/fixtures.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {nextStep, olderKuma, stepFolder, upgradedKuma} from '../helpers/upgraded-kuma.ts';

const folder = temporaryFolder();
const older = olderKuma(join(folder, 'older.db'));
const newer = upgradedKuma(older, join(folder, 'newer.db'));
const pair = ['--from', older, '--to', newer];
const steps = stepFolder(join(folder, 'steps'));

const check = (...args: string[]): Promise<CliResult> => rowplica(['compat', 'check', ...args]);

async function checked(...args: string[]): Promise<CompatCheckResult & {exitCode: number | null}> {
  const {stdout, exitCode} = await check(...args, '--json');
  return {...(JSON.parse(stdout) as CompatCheckResult), exitCode};
}

describe('without databases', () => {
  test('counts the steps that come with Rowplica', async () => {
    const result = await checked();
    expect(result).toMatchObject({exitCode: 0, proven: true, faults: [], pairs: []});
    expect(result.applications['uptime-kuma']).toBeGreaterThan(50);
  });

  test('names every fault by file and line, and exits 2', async () => {
    const bad = stepFolder(
      join(folder, 'bad'),
      'format: 1\napplication: uptime-kuma\nsumary: x\nsummary: x\nmigrations: [patch-next.sql]\noperations:\n  - {op: addTabel, table: x}\n',
    );
    const result = await checked('--compat', bad, ...pair);
    expect(result).toMatchObject({exitCode: 2, proven: false, pairs: []});
    const file = join(bad, 'uptime-kuma/next.yaml');
    expect(result.faults.map((fault) => [fault.file, fault.line])).toEqual(
      expect.arrayContaining([
        [file, 3],
        [file, 7],
      ]),
    );
    const {stdout} = await check('--compat', bad);
    expect(stdout).toContain(`${file}:3: sumary: there is no such member`);
  });
});

describe('with a database and an upgraded copy of it', () => {
  test('proves steps that make of every row what the release made of it', async () => {
    const result = await checked('--compat', steps, ...pair);
    expect(result.pairs).toMatchObject([
      {proven: true, steps: ['next'], withoutStep: [], declarations: [], misfit: null},
    ]);
    expect(result).toMatchObject({proven: true, exitCode: 0});
    const {stdout} = await check('--compat', steps, ...pair);
    expect(stdout).toContain('1 step give all 10 rows');
  });

  test('names columns whose rows differ and keys of a few, never a value', async () => {
    const wrong = stepFolder(join(folder, 'wrong'), nextStep.replace('times: 0.8', 'times: 0.5'));
    const result = await checked('--compat', wrong, ...pair);
    expect(result).toMatchObject({proven: false, exitCode: 20});
    expect(result.pairs[0]?.tables['monitor']?.columns).toEqual([
      {column: 'timeout', rows: 3, keys: ['id=1', 'id=2', 'id=3']},
    ]);
    const {stdout} = await check('--compat', wrong, ...pair);
    expect(stdout).toContain('monitor.timeout: 3 rows differ');
    expect(stdout).not.toContain('secret');
  });

  test('names migrations without a step, and what is declared otherwise', async () => {
    const result = await checked(...pair);
    expect(result).toMatchObject({proven: false, exitCode: 20});
    expect(result.pairs[0]).toMatchObject({withoutStep: ['patch-next.sql'], steps: []});
    const declared = result.pairs[0]?.declarations.map(({table, column}) => `${table}.${column}`);
    expect(declared?.sort()).toEqual([
      'monitor.timeout',
      'notification.config',
      'notification.v',
      'tag.v',
    ]);
  });

  test('names rows that only one side has', async () => {
    const other = upgradedKuma(
      older,
      join(folder, 'other.db'),
      `DELETE FROM monitor_notification WHERE id = 3; INSERT INTO notification VALUES (9, 'secret-z');`,
    );
    const {pairs, exitCode} = await checked('--compat', steps, '--from', older, '--to', other);
    expect(exitCode).toBe(20);
    expect(pairs[0]?.tables['monitor_notification']?.missing).toEqual({
      rows: 1,
      keys: ['monitor_id=2,notification_id=2'],
    });
    expect(pairs[0]?.tables['notification']?.surplus).toEqual({rows: 1, keys: ['id=9']});
  });

  test('names what a step that says it is reversible would lose', async () => {
    const more = 'UPDATE monitor SET kind = kind + 1;';
    const other = upgradedKuma(older, join(folder, 'lossy.db'), more);
    const folderOf = stepFolder(
      join(folder, 'lossy'),
      `${nextStep}  - {op: setColumn, table: monitor, column: kind, value: {column: kind, plus: 1}}\n`,
    );
    const {pairs} = await checked('--compat', folderOf, '--from', older, '--to', other);
    expect(pairs[0]?.tables['monitor']).toMatchObject({
      columns: [],
      losses: [{step: 'next', column: 'kind', rows: 3}],
    });
    expect(pairs[0]?.proven).toBe(false);
  });

  test('Err: --from and --to that do not belong together', async () => {
    const refused = await check('--from', older, '--json');
    expect(refusal(refused)).toMatchObject({exitCode: 2, code: 'USAGE'});
    const turned = await check('--from', newer, '--to', older, '--json');
    expect(refusal(turned)).toMatchObject({exitCode: 2, code: 'USAGE'});
    expect(refusal(turned).message).toContain('patch-next.sql');
  });
});

describe.skipIf(fixturesRoot() === undefined)('databases of real releases', () => {
  test('the steps that come with Rowplica are proven on both pairs', async () => {
    const files = [
      '1.18.5/kuma.db',
      '1.23.17/kuma-upgraded-from-1.18.db',
      '1.23.17/kuma.db',
      '2.5.3/kuma-upgraded-from-1.23.db',
    ];
    const [a, b, c, d] = files.map((file, at) => copyFixture(file, join(folder, `real-${at}.db`)));
    const result = await checked(
      '--from',
      `${a}`,
      '--to',
      `${b}`,
      '--from',
      `${c}`,
      '--to',
      `${d}`,
    );
    expect(result).toMatchObject({proven: true, exitCode: 0});
  });
});
