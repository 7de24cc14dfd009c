/**
 * What a primary and a replica cost while nobody edits anything, beside an application that writes a heartbeat every second:
 * 16 tables of 500 rows, default intervals, a local repository of restic.
 *
 * `npm run bench -- idle [--minutes 5] [--json]`. Linux only.
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {project} from '../test/helpers/run-process.ts';
import {cpuOf, memoryOf} from '../test/helpers/proc.ts';
import {Instance, type Role} from '../test/soak-service/instance.ts';

const WARM_UP_MS = 20_000;
const SAMPLE_MS = 1_000;

type Cost = {
  readonly role: Role;
  /** Seconds of a core, and share of one. */
  readonly cpuSeconds: number;
  readonly cpuPercent: number;
  readonly resticSeconds: number;
  readonly resticPercent: number;
  readonly meanMb: number;
  readonly mostMb: number;
  readonly loopDelayP99Ms: number;
};

export async function idle(args: readonly string[]): Promise<void> {
  const {values: flags} = parseArgs({
    args: [...args],
    options: {minutes: {type: 'string', default: '5'}, json: {type: 'boolean', default: false}},
  });
  execFileSync('npm', ['run', '-s', 'build'], {cwd: project}); // as it is installed: the sources take more memory
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-idle-'));
  const instances = (['primary', 'replica'] as const).map((role) => makeInstance(role, folder));
  try {
    for (const instance of instances) {
      instance.startApplication();
      instance.start();
    }
    await ready(instances);
    for (const instance of instances) instance.order({do: 'beat', everyMs: 1_000});
    await pause(WARM_UP_MS);
    const costs = await Promise.all(
      instances.map((instance) => measure(instance, Number(flags.minutes) * 60_000)),
    );
    report(costs, flags);
  } finally {
    for (const instance of instances) await instance.close();
    rmSync(folder, {recursive: true, force: true});
  }
}

function makeInstance(role: Role, folder: string): Instance {
  const {PATH, NODE_OPTIONS} = process.env;
  const home = join(folder, 'home');
  mkdirSync(home, {recursive: true});
  return new Instance({
    role,
    folder,
    repository: join(folder, 'repository'),
    env: {PATH, NODE_OPTIONS, HOME: home, RESTIC_PASSWORD: 'bench'},
    flags: [],
    program: join(project, 'dist/cli/main.js'),
  });
}

/** The replica holds the rows. It may have to wait for its next look at the store. */
async function ready([primary, replica]: readonly Instance[]): Promise<void> {
  for (;;) {
    const answers = await Promise.all([primary?.ask(), replica?.ask()]);
    if (answers.every((answer) => answer?.report.status === 'ok')) return;
    await pause(SAMPLE_MS);
  }
}

async function measure(instance: Instance, lastsMs: number): Promise<Cost> {
  const pid = instance.pid ?? 0;
  const before = cpuOf(pid);
  await instance.loopDelay(); // from here on
  const [beganMs, samples] = [performance.now(), [] as number[]];
  while (performance.now() - beganMs < lastsMs) {
    samples.push(memoryOf(pid)?.nowMb ?? 0);
    await pause(SAMPLE_MS);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const after = cpuOf(pid);
  const [own, restic] = [after.own - before.own, after.children - before.children];
  return {
    role: instance.role,
    cpuSeconds: own,
    cpuPercent: (100 * own) / seconds,
    resticSeconds: restic,
    resticPercent: (100 * restic) / seconds,
    meanMb: samples.reduce((sum, mb) => sum + mb, 0) / samples.length,
    mostMb: memoryOf(pid)?.mostMb ?? 0,
    loopDelayP99Ms: 1000 * ((await instance.loopDelay()) ?? 0),
  };
}

function report(costs: readonly Cost[], {json, minutes}: {json: boolean; minutes: string}): void {
  if (json) {
    const machine = {node: process.version, arch: process.arch};
    process.stdout.write(`${JSON.stringify({minutes: Number(minutes), ...machine, costs})}\n`);
    return;
  }
  const lines = costs.map(
    ({
      role,
      cpuSeconds,
      cpuPercent,
      resticSeconds,
      resticPercent,
      meanMb,
      mostMb,
      loopDelayP99Ms,
    }) =>
      `${role.padEnd(10)}${cpuSeconds.toFixed(2)} s (${cpuPercent.toFixed(2)} % of a core), restic ${resticSeconds.toFixed(2)} s (${resticPercent.toFixed(2)} %), ` +
      `${meanMb.toFixed(0)} MB (at most ${mostMb.toFixed(0)} MB), event loop p99 ${loopDelayP99Ms.toFixed(1)} ms late`,
  );
  process.stdout.write(
    `idle for ${minutes} min: 16 tables × 500 rows, a heartbeat a second\n${lines.join('\n')}\n`,
  );
}
