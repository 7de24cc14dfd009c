/** The JSON of each command has the fields that scripts depend on; people get text of the same. */
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import type {DrillResult} from '../../src/index.ts';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';

const folder = temporaryFolder();
const primary = join(folder, 'primary.db');
const replica = join(folder, 'replica.db');
const store = `dir:${join(folder, 'store')}`;
const source = new Instance({database: primary, store});
const target = new Instance({database: replica, store});

const count = expect.any(Number);
const truth = expect.any(Boolean);
const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
const id = expect.stringMatching(/^[0-9a-f-]{36}$/);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const changes = {inserted: count, updated: count, deleted: count};
const position = {lineage: id, epoch: count, sequence: count};

beforeAll(() => {
  buildPopulatedKuma(primary, {version: '2.5.3', monitors: 8, danglingDockerHost: true});
  buildEmptyKuma(replica, {version: '2.5.3'});
  execute(
    primary,
    `UPDATE status_page SET icon = '/upload/logo1.png?t=1' WHERE id = 1;
     UPDATE docker_host SET docker_daemon = 'https://docker.invalid:2376' WHERE id = 2;`,
  );
});

describe('--json', () => {
  test('status before anything happened', async () => {
    expect(await target.status()).toMatchObject({
      database: replica,
      state: target.state,
      store,
      instance: null,
      position: null,
      newest: null,
      upToDate: false,
      behind: 0,
      interrupted: false,
      held: null,
      undone: null,
      proven: null,
    });
  });

  test('capture', async () => {
    const result = await source.capture();
    expect(result).toMatchObject({
      ...position,
      changed: true,
      snapshot: digest,
      tables: expect.anything(),
    });
    for (const table of Object.values(result.tables)) {
      expect(table).toMatchObject({...changes, rows: count});
    }
    const again = await source.capture();
    expect(Object.keys(again).sort()).toEqual(Object.keys(result).sort());
  });

  test('diff LEFT RIGHT', async () => {
    const result = await target.diff('live', 'latest');
    expect(result).toMatchObject({
      equal: false,
      tables: expect.anything(),
      changes: expect.any(Array),
    });
    for (const table of Object.values(result.tables)) expect(table).toMatchObject(changes);
    expect(result.changes.length).toBeGreaterThan(20);
    for (const change of result.changes) {
      expect(change).toMatchObject({
        table: expect.any(String),
        key: expect.stringMatching(/^\w+=/),
        op: expect.stringMatching(/^(insert|update|delete)$/),
        columns: expect.any(Array),
      });
    }
    const withValues = await target.diff('live', 'latest', '--show-values');
    expect(withValues.changes[0]?.values).toBeTypeOf('object');
  });

  test('diff of two databases, of two snapshots, and --exit-code', async () => {
    expect((await source.diff('live', primary)).equal).toBe(true);
    expect((await source.diff('latest', 'latest')).equal).toBe(true);
    const both = await source.diff(replica, primary);
    expect(both.tables['monitor']?.inserted).toBe(8);
    expect((await target.run('diff', 'live', 'latest', '--exit-code')).exitCode).toBe(4);
    expect((await source.run('diff', 'live', 'latest', '--exit-code')).exitCode).toBe(0);
  });

  test('replicate, dry and real', async () => {
    const expected = {
      ...position,
      applied: truth,
      dryRun: truth,
      proof: expect.stringMatching(/^(full|touched)$/),
      snapshot: digest,
      tables: expect.anything(),
      cascades: {},
      conflicts: [],
      held: null,
      lock: {estimatedMs: count, trimmed: {}, heldMs: expect.any(Array)},
      cost: {rowsRead: count, objectsFetched: count},
    };
    const dry = await target.replicate('--dry-run');
    expect(dry).toMatchObject(expected);
    expect((await target.run('replicate', '--dry-run', '--exit-code')).exitCode).toBe(4);
    const applied = await target.replicate();
    expect(applied).toMatchObject(expected);
    expect(applied.tables).toEqual(dry.tables);
    for (const table of Object.values(applied.tables)) expect(table).toMatchObject(changes);
    expect((await target.run('replicate', '--dry-run', '--exit-code')).exitCode).toBe(0);
  });

  test('verify, of the live rows and of a snapshot', async () => {
    for (const args of [[], ['--snapshot', 'latest']]) {
      const result = await target.verify(...args);
      expect(result).toMatchObject({equal: true, snapshot: digest, tables: expect.anything()});
      for (const table of Object.values(result.tables)) {
        expect(table).toMatchObject({rows: count, digest, equal: true});
      }
    }
  });

  test('drill', async () => {
    const result = await target.result('drill');
    expect(result).toMatchObject({...position, proven: true, snapshot: digest, foreignKeys: count});
    for (const table of Object.values((result as DrillResult).tables))
      expect(table).toEqual({rows: count, digest});
    const {exitCode, stdout} = await target.run('drill');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ +table +rows +digest[\s\S]*was restored and reads back the same/);
    expect((await target.run('drill', '--help')).stdout).toMatch(/Example:\n {2}rowplica drill/);
  });

  test('status, up to date and behind', async () => {
    const full = {...position, digest, author: id};
    expect(await target.status()).toMatchObject({
      database: replica,
      state: target.state,
      store,
      instance: id,
      position: {...full, at: time, trusted: true},
      newest: {...full, time},
      upToDate: true,
      behind: 0,
      interrupted: false,
    });
    execute(primary, `UPDATE tag SET color = '#000000' WHERE id = 1`);
    await source.capture();
    expect(await target.status()).toMatchObject({upToDate: false, behind: 1});
    expect(await source.status()).toMatchObject({upToDate: true, behind: 0});
  });

  test('snapshots, newest first', async () => {
    const {snapshots} = await target.snapshots();
    expect(snapshots.map(({sequence, here}) => [sequence, here])).toEqual([
      [2, false],
      [1, true],
    ]);
    for (const snapshot of snapshots) {
      expect(snapshot).toMatchObject({
        ...position,
        snapshot: digest,
        digest,
        storeId: expect.any(String),
        parent: snapshot.sequence === 1 ? null : digest,
        author: id,
        time,
        here: truth,
      });
    }
    expect(snapshots[0]?.parent).toBe(snapshots[1]?.snapshot);
  });

  test('doctor names what does not travel', async () => {
    const {ok, findings} = await source.doctor();
    expect(ok).toBe(true);
    for (const finding of findings) {
      expect(finding).toMatchObject({
        level: expect.stringMatching(/^(ok|note|problem)$/),
        subject: expect.any(String),
        message: expect.stringMatching(/\.$/),
      });
    }
    const noted = findings.filter(({level}) => level === 'note').map(({subject}) => subject);
    expect(noted.sort()).toEqual(
      ['docker_host', 'monitor.docker_host', 'setting', 'status_page.icon'].sort(),
    );
    const text = findings.map(({message}) => message).join('\n');
    expect(text).toMatch(/logo that is a file/);
    expect(text).toMatch(/certificates are files/);
    expect(text).toMatch(/1 value without a row in "docker_host"/);
    expect(text).toMatch(/settings of each instance's own that stay there/);
  });

  test('doctor finds a problem and exits with its code', async () => {
    const lost = new Instance({
      database: primary,
      store: `restic:${join(folder, 'r')}`,
      env: {RESTIC_PASSWORD: ''},
    });
    const {exitCode, stdout} = await lost.run('doctor', '--json');
    expect(exitCode).toBe(12);
    expect(JSON.parse(stdout)).toMatchObject({ok: false, exitCode: 12});
  });
});

test('undo and resume', async () => {
  await target.replicate();
  const expected = {
    ...position,
    dryRun: truth,
    undone: truth,
    snapshot: digest,
    tables: expect.anything(),
    cascades: {},
    notRestored: {},
  };
  const dry = await target.undo('--dry-run');
  expect(dry).toMatchObject({...expected, held: null});
  expect(await target.undo()).toMatchObject({...expected, tables: dry.tables, held: 'undone'});
  const undone = {...position, digest, since: time};
  expect(await target.status()).toMatchObject({held: 'undone', undone});
  expect(await target.resume()).toEqual({resumed: true, undone, held: null});
  expect(await target.resume()).toEqual({resumed: false, undone: null, held: null});
});

test('a dangling reference of the primary travels, and is no reason to refuse', async () => {
  await target.replicate();
  expect((await target.verify()).equal).toBe(true);
});

describe('as text', () => {
  test.for([
    [['status'], /The newest snapshot is the one last captured or applied here\./],
    [['snapshots'], /snapshot +epoch +sequence +stored/],
    [['verify'], /monitor +8 +[0-9a-f]{12} +equal[\s\S]*Equal to snapshot/],
    [['diff', 'live', 'latest'], /^Equal\.\n$/],
    [['replicate'], /^Nothing to do: this database equals snapshot [0-9a-f]{12}/],
    [['replicate', '--dry-run'], /^Dry run: nothing to do/],
    [['doctor'], /Ready\.\n$/],
  ] as const)('%j', async ([[command, ...args], told]) => {
    const {exitCode, stdout, stderr} = await target.run(command, ...args);
    expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
    expect(stdout).toMatch(told);
    expect(stdout, 'no colours without a terminal').not.toContain('\u001b');
  });
});
