/**
 * The model's cases by the ten thousands: `npm run soak -- --cases 100000 --seed 1 --minutes 60`; with `--policies`, those of the
 * policies.
 */
import {parseArgs} from 'node:util';
import {countsText, searchPolicies} from './policies/search.ts';
import {randomSeed, relapse, search} from './search.ts';
import {Tally} from './tally.ts';

const CASES_DEFAULT = 100_000;
const REPORT_MS = 5_000;

process.exitCode = await soak();

async function soak(): Promise<number> {
  const {values} = parseArgs({
    options: {
      cases: {type: 'string'},
      seed: {type: 'string'},
      minutes: {type: 'string'},
      policies: {type: 'boolean'},
    },
  });
  const cases = numberOf(values.cases ?? process.env['SOAK_CASES']) ?? CASES_DEFAULT;
  const seed = numberOf(values.seed ?? process.env['SOAK_SEED']) ?? randomSeed();
  const minutes = numberOf(values.minutes ?? process.env['SOAK_MINUTES']);
  const tally = new Tally();
  const counts = new Map<string, number>();
  const isOfPolicies = values.policies === true;
  const text = (): string => (isOfPolicies ? countsText(counts) : tally.text());
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`seed ${seed}, ${cases} cases${minutes === undefined ? '' : ` or ${minutes} minutes`}`);
  let reported = Date.now();
  const onCase = (): void => {
    if (Date.now() - reported < REPORT_MS) return;
    reported = Date.now();
    say(text());
  };
  const limit = minutes === undefined ? {} : {limitMs: minutes * 60_000};
  const wanted = {cases, seed, onCase, ...limit};
  const found = isOfPolicies
    ? await searchPolicies({...wanted, counts})
    : ((await relapse()) ?? (await search({...wanted, tally})));
  say(`seed ${seed}; ${text()}`);
  if (found === undefined) return 0;
  const where = isOfPolicies
    ? 'Make a test of this in test/unit/engine/policies-regressions.test.ts'
    : 'Put this into a file of test/regressions/';
  say(`${found.title}\n${where}:\n${JSON.stringify(found)}`);
  return 1;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new Error(`not a number: ${text}`);
}
