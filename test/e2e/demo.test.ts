/** The demo tells in half a minute what the product does, and the help shows how to do it. */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {environment, project, rowplica, runProcess} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';

test('npm run demo:run shows the main job, proves it, and leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const bin = join(project, 'node_modules/.bin');
  const env = {
    ...environment(),
    PATH: `${bin}:${process.env['PATH']}`,
    TMPDIR: folder,
    RESTIC_REPOSITORY: join(folder, 'not-for-the-demo'),
  };
  const result = await runProcess('npm', ['run', '-s', 'demo:run'], {
    env,
    cwd: project,
    onStart: undefined,
  });
  expect(result).toMatchObject({exitCode: 0, stderr: ''});
  const {stdout} = result;
  const told = [
    'Two instances of Uptime Kuma',
    '$ rowplica capture --database',
    /Captured \d+ rows in \d+ tables as snapshot [0-9a-f]{12} \(epoch 1, sequence 1\)/,
    '$ rowplica diff live latest',
    /~ monitor\[id=\d+\] {2}url/,
    '$ rowplica replicate --database',
    /Applied snapshot [0-9a-f]{12} .*: \d+ rows written; every table equals it, by digest\./,
    /Proof: all \d+ tables have the same digest on both sides/,
    /sequence 2\): 3 rows written/,
    /Proof: all \d+ tables have the same digest on both sides/,
    'Heartbeats of the replica: 300 before, 300 after.',
    'Done: converged twice, and proved it.',
  ];
  let at = 0;
  for (const part of told) {
    const found = typeof part === 'string' ? stdout.indexOf(part, at) : indexOf(stdout, part, at);
    expect(found, `${part} in its place in:\n${stdout}`).toBeGreaterThanOrEqual(at);
    at = found + 1;
  }
  expect(readdirSync(folder)).toEqual([]);
});

const commands = ['capture', 'replicate', 'diff', 'verify', 'status', 'snapshots', 'doctor'];

test.for(commands)('%s --help has an example and the shared options', async (command) => {
  const {exitCode, stdout, stderr} = await rowplica([command, '--help']);
  expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
  expect(stdout).toMatch(new RegExp(`Example:\\n {2}rowplica ${command} .*--database `));
  for (const option of ['database', 'store', 'state', 'profile', 'tables', 'config', 'json']) {
    expect(stdout, option).toContain(`--${option}`);
  }
});

test('demo --help has an example', async () => {
  const {exitCode, stdout} = await rowplica(['demo', '--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/Example:\n {2}rowplica demo/);
});

test('--help lists the commands, --version says the version', async () => {
  const help = await rowplica(['--help']);
  expect(help.exitCode).toBe(0);
  for (const command of [...commands, 'demo']) expect(help.stdout).toContain(`  ${command} `);
  const version = await rowplica(['--version']);
  expect(version).toMatchObject({exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/)});
});

function indexOf(text: string, pattern: RegExp, from: number): number {
  const found = text.slice(from).search(pattern);
  return found < 0 ? -1 : found + from;
}
