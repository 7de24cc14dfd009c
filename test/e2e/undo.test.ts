/** undo and resume on whole databases of Uptime Kuma, as a user runs them. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {countRows, dumpTable, execute, complaints} from '../helpers/typed-dump.ts';
import {addOddValues, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {expectRefusal} from './expectations.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

const folder = temporaryFolder();
const store = `dir:${join(folder, 'store')}`;
const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
const source = new Instance({database: primary, store});
const target = new Instance({database: replica, store});

const rowsOf = (path: string): unknown =>
  Object.fromEntries(
    [...replicated].map((name) => [name, dumpTable(path, name, {without: withoutOf(name)})]),
  );

test('a deleted monitor comes back, its history does not, and each command says so', async () => {
  buildPopulatedKuma(primary, {version: '2.5.3', monitors: 8});
  buildPopulatedKuma(replica, {version: '2.5.3', monitors: 8});
  addOddValues(primary);
  await source.capture();
  await target.replicate();
  const before = rowsOf(replica);
  execute(primary, 'DELETE FROM monitor WHERE id IN (2, 3); UPDATE tag SET name = name || 1');
  await source.capture();

  const dry = await target.run('replicate', '--dry-run');
  expect(dry.stdout).toMatch(/heartbeat: 10 rows of this local table would be deleted or changed/);
  expect(dry.stdout).toMatch(/undo would bring back the replicated rows, but not those of local/);
  const real = await target.run('replicate');
  expect(real.stdout).toMatch(
    /undo brings back the replicated rows, but not those of local tables/,
  );

  const planned = await target.undo('--dry-run');
  expect(planned).toMatchObject({undone: false, dryRun: true, held: null, sequence: 2});
  const undone = await target.run('undo');
  expect(undone).toMatchObject({exitCode: 0, stderr: ''});
  expect(undone.stdout).toMatch(/Undid snapshot [0-9a-f]{12} \(epoch 1, sequence 2\)/);
  expect(undone.stdout).toMatch(/heartbeat: 10 rows .* are not brought back/);
  expect(undone.stdout).toMatch(/rowplica resume/);
  expect(rowsOf(replica)).toEqual(before);
  expect(countRows(replica, 'heartbeat', 'monitor_id IN (2, 3)')).toBe(0);
  expect(complaints(replica)).toEqual([]);
});

test('the replica is held, and says so, until resume', async () => {
  expectRefusal(await target.refused('replicate'), {
    exitCode: 20,
    code: 'HELD',
    told: /sequence 2 was undone here/,
  });
  expect((await target.run('replicate', '--dry-run')).stdout).toMatch(/Held after an undo/);
  expect((await target.run('status')).stdout).toMatch(/Held: epoch 1, sequence 2 was undone at/);
  expect(await target.status()).toMatchObject({held: 'undone', undone: {sequence: 2}});
  expect((await target.run('doctor')).stdout).toMatch(/note +held +sequence 2 of epoch 1 was/);
  expect(await target.resume()).toMatchObject({resumed: true, held: null});
  expect((await target.run('resume')).stdout).toBe('Nothing was held.\n');
  await target.replicate();
  expect(rowsOf(replica)).toEqual(rowsOf(primary));
});

test('a row that was edited since is named, and nothing is undone', async () => {
  execute(primary, "UPDATE monitor SET name = 'renamed' WHERE id = 1");
  await source.capture();
  await target.replicate();
  execute(replica, "UPDATE monitor SET name = 'secret-edit' WHERE id = 1");
  const before = rowsOf(replica);
  const refusal = await target.refused('undo');
  expectRefusal(refusal, {exitCode: 22, code: 'UNDO_STALE', told: /monitor\[id=1\]/});
  expect(refusal.site).toEqual({table: 'monitor', key: 'id=1'});
  expect(JSON.stringify(refusal)).not.toContain('secret-edit');
  expect(rowsOf(replica)).toEqual(before);
});

test('nothing to undo on an instance that never replicated; help shows how to call it', async () => {
  expectRefusal(await source.refused('undo'), {
    exitCode: 2,
    code: 'NOTHING_TO_UNDO',
    told: /no apply is on record/,
  });
  for (const command of ['undo', 'resume']) {
    const {exitCode, stdout} = await target.run(command, '--help');
    expect({exitCode, shown: stdout.includes(`Example:\n  rowplica ${command} --`)}).toEqual({
      exitCode: 0,
      shown: true,
    });
  }
});
