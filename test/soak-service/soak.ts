/**
 * Services under faults at random, for as long as told: `npm run soak:service -- [--minutes 30] [--seed S] [--once] [--keep] [--json]`.
 *
 * `--once`: every kind of fault once instead. `--keep`: logs and databases stay. A seed decides edits and faults, not how they fall in with what services do. Linux, as root.
 */
import {parseArgs} from 'node:util';
import {Soak, type SoakResult} from './run.ts';

const {values: flags} = parseArgs({
  options: {
    minutes: {type: 'string', default: '30'},
    seed: {type: 'string'},
    once: {type: 'boolean', default: false},
    json: {type: 'boolean', default: false},
    keep: {type: 'boolean', default: false},
  },
});
const minutes = Number(flags.minutes);
const seed = Number(flags.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes N --seed N');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const say = (text: string): void =>
  void (flags.json ? process.stderr : process.stdout).write(`${text}\n`);
say(`seed ${seed}, ${flags.once ? 'every kind of fault once' : `${minutes} minutes`}`);
const result = await new Soak({
  seed,
  minutes: flags.once ? undefined : minutes,
  keeps: flags.keep,
  say,
}).run();
process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : textOf(result));
process.exitCode = result.wrong.length === 0 ? 0 : 1;

function textOf(result: SoakResult): string {
  const {convergenceSeconds, oldestGreenSeconds, memory, loopDelayP99Ms, wrong} = result;
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const lines = [
    `ran for ${result.seconds} s with seed ${result.seed}: ${result.edits} edits, ${result.rounds} rounds`,
    `faults: ${list(result.faults)}`,
    `answers: ${list(result.statuses)}`,
    `converged after ${convergenceSeconds.median} s (median), ${convergenceSeconds.longest} s (longest)`,
    `states of the replica compared row by row: ${result.statesCompared}; snapshots read in doubt: ${result.snapshotsJudged}`,
    `oldest rows beside an ok: primary ${oldestGreenSeconds.primary} s, replica ${oldestGreenSeconds.replica} s`,
    `slowest stop: ${result.slowestStopSeconds} s`,
    ...memory.map(
      ({role, seconds, firstMb, lastMb, mostMb}) =>
        `memory of the ${role} over ${seconds} s: ${firstMb} MB at first, ${lastMb} MB at last, ${mostMb} MB at most`,
    ),
    ...(['primary', 'replica'] as const).map(
      (role) =>
        `event loop of the ${role}, p99: ${loopDelayP99Ms[role].median} ms late (median), ${loopDelayP99Ms[role].longest} ms (longest)`,
    ),
    ...wrong.map((text) => `WRONG: ${text}`),
    ...(result.kept === null ? [] : [`logs and databases are kept in ${result.kept}`]),
  ];
  return `${lines.join('\n')}\n`;
}
