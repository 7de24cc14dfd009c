/** restic that fails, lies or dies: a clear error, nothing lost, and the next run succeeds. */
import {execFileSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {environment, password} from '../helpers/cli.ts';
import {makeInstances, typed, write, type Instances} from '../helpers/instances.ts';

const script = join(import.meta.dirname, '../helpers/unreliable-restic.sh');
const ROWS = 12_000;
const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)';
const rows = (v: string): string =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
   INSERT INTO t SELECT i, '${v} ' || i FROM n`;

type Unreliable = {readonly command: string; readonly how: string; readonly with?: string};

/** A command that tells the password has restic asked for its list each time, as repositories in other places do. */
const asking = (): NodeJS.ProcessEnv => {
  const {RESTIC_PASSWORD: _given, ...others} = environment();
  return {...others, RESTIC_PASSWORD_COMMAND: `echo ${password}`};
};

const env = ({command, how, with: given = ''}: Unreliable): NodeJS.ProcessEnv => ({
  ...asking(),
  ROWPLICA_RESTIC: script,
  UNRELIABLE_RESTIC: process.env['ROWPLICA_RESTIC'] ?? 'restic',
  UNRELIABLE_COMMAND: command,
  UNRELIABLE_HOW: how,
  UNRELIABLE_WITH: given,
});

/** A primary and a replica with a repository, as far as `until`. */
async function instances(
  until: 'nothing' | 'captured' | 'planned' | 'replicated',
): Promise<
  Instances & {readonly store: string; readonly reliable: {env: NodeJS.ProcessEnv; store: string}}
> {
  const made = makeInstances({ddl, primary: rows('p'), replica: rows('r'), tables: ['t']});
  const store = `restic:${join(made.folder, 'repository')}`;
  const reliable = {env: asking(), store};
  if (until !== 'nothing') await made.capture(reliable);
  if (until === 'planned') await made.replicate({...reliable, dryRun: true});
  if (until === 'replicated') await made.replicate(reliable);
  return {...made, store, reliable};
}

/** A manifest comes by itself where something of a snapshot is at hand, else with all the rest. */
const untilAskedFor = (command: string): 'captured' | 'planned' =>
  command === 'dump' ? 'planned' : 'captured';

const content = (path: string): readonly string[] => typed(path, 't', ['id', 'v']);

// What it set out to write is left out by the next one, unless the store shows what became of it.
test.for([
  {command: 'snapshots', how: 'exit 77', exitCode: 13, next: 2},
  {command: 'snapshots', how: 'dies at once', exitCode: 13, next: 2},
  {command: 'snapshots', how: 'says nothing', exitCode: 13, next: 2},
  {command: 'snapshots', how: 'says nonsense', exitCode: 13, next: 2},
  {command: 'init', how: 'exit 77', exitCode: 13, next: 1},
  {command: 'init', how: 'fails afterwards', exitCode: 13, next: 1},
  {command: 'init', how: 'dies half-way', exitCode: 13, next: 1},
  {command: 'backup', how: 'exit 77', exitCode: 13, next: 3},
  {command: 'backup', how: 'fails afterwards', exitCode: 13, next: 2},
  {command: 'backup', how: 'dies at once', exitCode: 13, next: 3},
  {command: 'backup', how: 'dies half-way', exitCode: 13, next: 3},
  {command: 'backup', how: 'says nothing', exitCode: 30, next: 3},
  {command: 'backup', how: 'says nonsense', exitCode: 30, next: 3},
  {command: 'version', how: 'says nonsense', exitCode: 2, next: 2},
])('capture, where restic $command $how', async ({exitCode, next, ...how}) => {
  const isFirst = how.command === 'init';
  const made = await instances(isFirst ? 'nothing' : 'captured');
  const {primary, replica, store, reliable} = made;
  write(primary, "UPDATE t SET v = 'new' WHERE id < 50");
  const refused: unknown = await made
    .capture({store, env: env(how)})
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({exitCode, message: expect.any(String)});
  expect(await made.capture(reliable)).toMatchObject({sequence: next});
  await made.replicate(reliable);
  expect(content(replica)).toEqual(content(primary));
});

test.for([
  {command: 'snapshots', how: 'exit 77', exitCode: 13},
  {command: 'snapshots', how: 'says nothing', exitCode: 13},
  {command: 'dump', how: 'exit 77', exitCode: 13},
  {command: 'dump', how: 'dies at once', exitCode: 13},
  {command: 'dump', how: 'gives half', exitCode: 30},
  {command: 'dump', how: 'gives nothing', exitCode: 30},
  {command: 'restore', how: 'exit 77', exitCode: 13},
  {command: 'restore', how: 'dies half-way', exitCode: 13},
  {command: 'restore', how: 'gives half', exitCode: 30},
  {command: 'restore', how: 'gives nothing', exitCode: 30},
])('replicate, where restic $command $how', async ({exitCode, ...how}) => {
  const made = await instances(untilAskedFor(how.command));
  const {primary, replica, store, reliable} = made;
  const before = content(replica);
  await expect(made.replicate({store, env: env(how)})).rejects.toMatchObject({exitCode});
  expect(content(replica)).toEqual(before);
  await made.replicate(reliable);
  expect(content(replica)).toEqual(content(primary));
});

test('a restic that is only slow is waited for', async () => {
  const made = await instances('nothing');
  const {primary, replica, store} = made;
  await made.capture({store, env: env({command: 'backup', how: 'late'})});
  await made.replicate({store, env: env({command: 'restore', how: 'late'})});
  expect(content(replica)).toEqual(content(primary));
});

/** What a store is from now on that goes on showing what it holds now. */
function listOfNow({folder, store}: {readonly folder: string; readonly store: string}): {
  readonly store: string;
  readonly env: NodeJS.ProcessEnv;
} {
  const list = join(folder, 'list.json');
  const args = ['-r', store.slice('restic:'.length), 'snapshots', '--json', '--no-lock'];
  writeFileSync(list, execFileSync('restic', args, {env: environment()}));
  return {store, env: env({command: 'snapshots', how: 'shows an old list', with: list})};
}

test('a list that is not up to date leads nobody back, and gives no position twice', async () => {
  const made = await instances('replicated');
  const {primary, replica, reliable} = made;
  const old = listOfNow(made);
  write(primary, "UPDATE t SET v = 'second' WHERE id < 50");
  await made.capture(reliable);
  await made.replicate(reliable);

  await expect(made.replicate(old)).rejects.toMatchObject({
    code: 'POSITION_MISMATCH',
    exitCode: 22,
  });
  expect(content(replica)).toEqual(content(primary));
  write(primary, "UPDATE t SET v = 'third' WHERE id < 50");
  await made.capture(old).catch(() => {});
  await made.capture(reliable);
  expect(await made.replicate(reliable)).toMatchObject({epoch: 1});
  expect(content(replica)).toEqual(content(primary));
});

test.for(['2001-02-03 04:05:06', '2061-02-03 04:05:06'])(
  'a primary whose clock says %s is followed all the same',
  async (time) => {
    const made = await instances('replicated');
    const {primary, replica, store, reliable} = made;
    write(primary, "UPDATE t SET v = 'second' WHERE id < 50");
    await made.capture({
      store,
      env: env({command: 'backup', how: 'has another clock', with: time}),
    });
    expect(await made.replicate(reliable)).toMatchObject({sequence: 2, applied: true});
    expect(content(replica)).toEqual(content(primary));
    expect(await made.capture(reliable)).toMatchObject({changed: false});
    write(primary, "UPDATE t SET v = 'third' WHERE id < 50");
    expect(await made.capture(reliable)).toMatchObject({epoch: 1, sequence: 3});
    expect(await made.replicate(reliable)).toMatchObject({sequence: 3});
    expect(content(replica)).toEqual(content(primary));
  },
);

describe('a repository that is deleted in the midst', () => {
  test.for([
    {command: 'snapshots', exitCode: 13, next: 2}, // the one that it makes itself is gone at once too
    {command: 'backup', exitCode: 10, next: 3}, // one that it set out to write is left out
  ])('of a capture, before restic $command', async ({command, exitCode, next}) => {
    const made = await instances('replicated');
    const {primary, replica, store, reliable, folder} = made;
    write(primary, "UPDATE t SET v = 'second' WHERE id < 50");
    const gone = {command, how: 'finds the repository gone', with: join(folder, 'repository')};
    await expect(made.capture({store, env: env(gone)})).rejects.toMatchObject({exitCode});
    expect(await made.capture(reliable)).toMatchObject({changed: true, sequence: next});
    await made.replicate(reliable);
    expect(content(replica)).toEqual(content(primary));
  });

  test.for([
    {command: 'snapshots', exitCode: 10},
    {command: 'dump', exitCode: 10},
    {command: 'restore', exitCode: 10},
  ])('of a replicate, before restic $command', async ({command, exitCode}) => {
    const made = await instances(untilAskedFor(command));
    const {primary, replica, store, reliable, folder} = made;
    const before = content(replica);
    const gone = {command, how: 'finds the repository gone', with: join(folder, 'repository')};
    await expect(made.replicate({store, env: env(gone)})).rejects.toMatchObject({exitCode});
    expect(content(replica)).toEqual(before);
    await made.capture(reliable);
    await made.replicate(reliable);
    expect(content(replica)).toEqual(content(primary));
  });
});

test('a list that stays behind, twice, makes no rival of the primary itself', async () => {
  const made = await instances('replicated');
  const {primary, replica, reliable} = made;
  const old = listOfNow(made);
  for (const v of ['second', 'third']) {
    write(primary, `UPDATE t SET v = '${v}' WHERE id < 50`);
    await expect(made.capture(old)).rejects.toMatchObject({code: 'STORE_FAILED', retryable: true});
  }
  expect(await made.capture(reliable)).toMatchObject({changed: false, epoch: 1, sequence: 3});
  expect(await made.replicate(reliable)).toMatchObject({epoch: 1, sequence: 3});
  expect(content(replica)).toEqual(content(primary));
});
