/** Deaths and faults at random, for as long as told: `npm run soak:crash -- --minutes 60 --seed 1`. */
import {parseArgs} from 'node:util';
import {must} from '../../src/kernel/assert.ts';
import {drawer, pick} from '../helpers/drawer.ts';
import {Matrix, type Cell} from './matrix.ts';
import {resticScenarios, scenarios, type Scenario} from './scenarios.ts';
import type {Fault} from './steps.ts';

const MINUTES_DEFAULT = 10;
/** A command takes about this long, so that a random moment is nearly always in the middle of one. */
const COMMAND_MS = 900;
const FAULTS: readonly Fault[] = ['ENOSPC', 'EIO', 'EROFS'];

process.exitCode = await soak();

async function soak(): Promise<number> {
  const {values} = parseArgs({options: {minutes: {type: 'string'}, seed: {type: 'string'}}});
  const minutes = Number(values.minutes ?? MINUTES_DEFAULT);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes N --seed N');
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(`seed ${seed}, ${minutes} minutes`);

  const end = Date.now() + minutes * 60_000;
  const draw = drawer(seed);
  const matrices = new Map<Scenario, Matrix>();
  const tally = new Map<string, number>();
  let failures = 0;
  for (let round = 1; Date.now() < end; round++) {
    const scenario = pick(draw, draw() < 0.1 ? resticScenarios : scenarios);
    const matrix = matrices.get(scenario) ?? (await Matrix.make(scenario));
    matrices.set(scenario, matrix);
    const {what, wrong} = await strike(matrix, draw);
    const [kind = ''] = what.split(':');
    tally.set(kind, (tally.get(kind) ?? 0) + 1);
    if (wrong.length > 0) {
      failures++;
      say(`seed ${seed}, round ${round}, ${scenario.name}, ${what}\n  ${wrong.join('\n  ')}`);
    }
    if (round % 50 === 0) say(`${round} rounds, ${failures} failures`);
  }
  for (const {place} of matrices.values()) place.remove();
  const counts = [...tally].map(([kind, count]) => `${kind} ${count}`).join(', ');
  say(`seed ${seed}: ${counts}; ${failures} failures`);
  return failures === 0 ? 0 : 1;
}

type Struck = {readonly what: string; readonly wrong: readonly string[]};

async function strike(matrix: Matrix, draw: () => number): Promise<Struck> {
  const cell = cellAt(matrix, draw);
  const kind = draw();
  if (kind < 0.35) return {what: `killed: ${text(cell)}`, wrong: await matrix.kill(cell)};
  if (kind < 0.55) {
    const ms = Math.round(draw() * COMMAND_MS);
    return {what: `killed in time: ${ms} ms`, wrong: await matrix.killAfter(ms)};
  }
  const isProgram = cell.step.includes('restic');
  if (kind < 0.8 && !isProgram) {
    const [fault, at] = [pick(draw, FAULTS), {...cell, side: 'before' as const}];
    return {what: `failed: ${fault} ${text(at)}`, wrong: await matrix.fail(at, fault)};
  }
  // A second undo after one that was finished undoes the apply before it, as it should.
  if (matrix.scenario.args[0] === 'undo')
    return {what: `killed: ${text(cell)}`, wrong: await matrix.kill(cell)};
  const again = cellAt(matrix, draw);
  return {
    what: `killed twice: ${text(cell)}, ${text(again)}`,
    wrong: await matrix.killTwice(cell, again),
  };
}

function cellAt({steps}: Matrix, draw: () => number): Cell {
  const at = Math.floor(draw() * steps.length);
  const step = must(steps[at], 'a place among the steps');
  const nth = steps.slice(0, at + 1).filter((name) => name === step).length;
  return {step, nth, side: draw() < 0.5 ? 'before' : 'after'};
}

function text({step, nth, side}: Cell): string {
  return `${side} ${step} ${nth}`;
}
