/** The demo: the main job on two small databases, as a person would do it by hand. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pc from 'picocolors';
import {capture} from '../../engine/capture.ts';
import {makeDemoDatabases} from '../../engine/demo-databases.ts';
import {diff} from '../../engine/diff.ts';
import type {EngineOptions} from '../../engine/options.ts';
import {replicate} from '../../engine/replicate.ts';
import {verify, type VerifyResult} from '../../engine/verify.ts';
import {captureText, diffText, replicateText} from '../print/results.ts';
import type {CommandContext, Outcome} from '../run-command.ts';
import {say} from '../terminal.ts';

export async function runDemo(context: CommandContext, keep: boolean): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-demo-'));
  try {
    const passed = await scenes(folder, context);
    const kept = keep ? `\nThe databases and the repository are in ${folder}.` : '';
    const text = passed
      ? pc.green('Done: converged twice, and proved it.')
      : pc.red('The demo did not converge.');
    return {json: null, text: text + kept, exitCode: passed ? 0 : 1};
  } finally {
    if (!keep) rmSync(folder, {recursive: true, force: true});
  }
}

async function scenes(folder: string, context: CommandContext): Promise<boolean> {
  const databases = makeDemoDatabases(folder);
  const env = ownRepository(folder, context.env);
  const primary: EngineOptions = {
    ...context,
    env,
    database: databases.primary,
    state: join(folder, 'state-primary'),
  };
  const replica: EngineOptions = {
    ...context,
    env,
    database: databases.replica,
    state: join(folder, 'state-replica'),
  };

  say(
    `Two instances of Uptime Kuma. The ${pc.bold('primary')} has 6 monitors. The ${pc.bold('replica')} has 3 of them, one with an old`,
  );
  say(
    'address, and 300 heartbeats of its own. Both keep running; snapshots go to a local restic repository.',
  );

  scene('1. Capture the primary', 'rowplica capture --database primary/kuma.db');
  say(captureText(await capture(primary)));

  scene(
    '2. What differs on the replica, row by row',
    'rowplica diff live latest --database replica/kuma.db',
  );
  say(diffText(await diff({...replica, left: 'live', right: 'latest'})));

  scene(
    '3. Replicate: only those rows, in one transaction',
    'rowplica replicate --database replica/kuma.db',
  );
  const before = await databases.heartbeats(replica);
  say(replicateText(await replicate(replica)));
  const first = await sayAgreement(primary, replica);

  scene(
    '4. Edit two rows and a link on the primary, and replicate again',
    'rowplica capture …; rowplica diff live latest …; rowplica replicate …',
  );
  databases.edit();
  await capture(primary);
  say(diffText(await diff({...replica, left: 'live', right: 'latest'})));
  say(replicateText(await replicate(replica)));
  const second = await sayAgreement(primary, replica);
  const after = await databases.heartbeats(replica);
  say(
    `Heartbeats of the replica: ${before} before, ${after} after. Its own settings and history were never touched.`,
  );
  return first && second && before === after;
}

/** The demo never touches a repository that the user's environment names. */
function ownRepository(folder: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = Object.entries(env).filter(([name]) => !name.startsWith('RESTIC_'));
  const own = {
    RESTIC_REPOSITORY: join(folder, 'repository'),
    RESTIC_PASSWORD: 'demo',
    RESTIC_CACHE_DIR: join(folder, 'cache'),
  };
  return {...Object.fromEntries(rest), ...own};
}

function scene(title: string, command: string): void {
  say('');
  say(`${pc.bold(title)}\n${pc.cyan(`$ ${command}`)}`);
}

/** Each side digests its own live rows; equal digests mean equal rows. */
async function sayAgreement(primary: EngineOptions, replica: EngineOptions): Promise<boolean> {
  const [a, b] = [await verify(primary), await verify(replica)];
  const digests = (result: VerifyResult): string =>
    JSON.stringify(Object.entries(result.tables).map(([name, table]) => [name, table.digest]));
  const agree = a.equal && b.equal && digests(a) === digests(b);
  const count = Object.keys(a.tables).length;
  say(
    agree
      ? pc.green(`Proof: all ${count} tables have the same digest on both sides.`)
      : pc.red('The digests differ.'),
  );
  return agree;
}
