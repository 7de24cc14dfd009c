/** An interrupted run ends in order: exit 130, no lock, nothing half done. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance, main, environment, runProcess} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';
import {expectRefusal, listing} from './expectations.ts';

const folder = temporaryFolder();
const primary = join(folder, 'primary.db');
const replica = join(folder, 'replica.db');
const repository = join(folder, 'repository');
const store = `restic:${repository}`;
const tables = ['item'];
const source = new Instance({database: primary, store, tables});
const target = new Instance({database: replica, store, tables});
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT);';

beforeAll(async () => {
  execute(primary, `${ddl} INSERT INTO item VALUES (1, 'one')`);
  execute(replica, `${ddl} INSERT INTO item VALUES (1, 'old')`);
  await source.capture();
  execute(primary, `UPDATE item SET body = 'two'`);
});

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', (signal) => {
  test('during a capture stops restic, leaves no lock, and the next capture goes on', async () => {
    const before = listing(join(repository, 'snapshots'));
    const started = join(folder, `started-${signal}`);
    const result = await interrupted({
      signal,
      started,
      args: ['capture', ...flags(source)],
      wrapper: slowRestic(signal, started, 'backup'),
    });
    expect(result).toMatchObject({exitCode: 130, signal: null});
    expectRefusal(errorOf(result.stdout), {
      exitCode: 130,
      code: 'INTERRUPTED',
      told: /interrupted/,
    });
    expect(listing(join(repository, 'locks'))).toEqual([]);
    expect(listing(join(repository, 'snapshots'))).toEqual(before);
    expect(running(started), 'no restic is left running').toBe(false);
  });

  test('during a replicate leaves the rows as they were, and the state free', async () => {
    const before = dumpTable(replica, 'item');
    const started = join(folder, `started-replicate-${signal}`);
    const result = await interrupted({
      signal,
      started,
      args: ['replicate', ...flags(target)],
      wrapper: slowRestic(`${signal}-replicate`, started, 'snapshots'),
    });
    expect(result).toMatchObject({exitCode: 130, signal: null});
    expect(dumpTable(replica, 'item')).toEqual(before);
    expect(running(started)).toBe(false);
  });
});

test('afterwards capture and replicate do their work', async () => {
  // Each of the three interrupted captures had set out to write a sequence, which is left out.
  expect(await source.capture()).toMatchObject({changed: true, sequence: 5});
  expect(await target.replicate()).toMatchObject({applied: true, sequence: 5});
  expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
});

type Interruption = {
  readonly signal: NodeJS.Signals;
  /** Written by the wrapper when restic is about to run. */
  readonly started: string;
  readonly args: readonly string[];
  readonly wrapper: string;
};

function interrupted({signal, started, args, wrapper}: Interruption) {
  const env = {...environment(), ROWPLICA_RESTIC: wrapper};
  return runProcess(process.execPath, [main, ...args], {
    env,
    cwd: undefined,
    onStart: (child) => {
      void waitFor(() => existsSync(started)).then(() => child.kill(signal));
    },
  });
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(50);
}

/** A restic that is slow to begin one of its commands, and can be stopped while it waits. */
function slowRestic(name: string, started: string, command: string): string {
  const path = join(folder, `restic-${name}.sh`);
  const real = process.env['ROWPLICA_RESTIC'] || 'restic';
  const script = `#!/bin/bash
if [ "$1" = ${command} ]; then
  trap 'kill $!; exit 130' INT
  echo $$ > '${started}.partial'
  mv '${started}.partial' '${started}'
  sleep 60 > /dev/null 2>&1 &
  wait $!
fi
exec ${real} "$@"
`;
  writeFileSync(path, script, {mode: 0o755});
  return path;
}

function running(started: string): boolean {
  try {
    process.kill(Number(readFileSync(started, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

function flags({database, state}: Instance): string[] {
  return ['--json', '--database', database, '--store', store, '--state', state, '--tables', 'item'];
}

function errorOf(stdout: string) {
  const {error} = JSON.parse(stdout) as {
    error: {code: string; message: string; hint: string | null; site: Record<string, string>};
  };
  return {exitCode: 130, ...error};
}
