/** The model's cases by the ten thousands: `npm run soak -- --cases 100000 --seed 1 --minutes 60`. */
import {parseArgs} from 'node:util';
import {randomSeed, relapse, search} from './search.ts';
import {Tally} from './tally.ts';

const CASES_DEFAULT = 100_000;
const REPORT_MS = 5_000;

process.exitCode = await soak();

async function soak(): Promise<number> {
  const {values} = parseArgs({
    options: {cases: {type: 'string'}, seed: {type: 'string'}, minutes: {type: 'string'}},
  });
  const cases = numberOf(values.cases ?? process.env['SOAK_CASES']) ?? CASES_DEFAULT;
  const seed = numberOf(values.seed ?? process.env['SOAK_SEED']) ?? randomSeed();
  const minutes = numberOf(values.minutes ?? process.env['SOAK_MINUTES']);
  const tally = new Tally();
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(`seed ${seed}, ${cases} cases${minutes === undefined ? '' : ` or ${minutes} minutes`}`);
  let reported = Date.now();
  const onCase = (): void => {
    if (Date.now() - reported < REPORT_MS) return;
    reported = Date.now();
    say(tally.text());
  };
  const limit = minutes === undefined ? {} : {limitMs: minutes * 60_000};
  const found = (await relapse()) ?? (await search({cases, seed, tally, onCase, ...limit}));
  say(`seed ${seed}; ${tally.text()}`);
  if (found === undefined) return 0;
  say(`${found.title}\nPut this into a file of test/regressions/:\n${JSON.stringify(found)}`);
  return 1;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new Error(`not a number: ${text}`);
}
