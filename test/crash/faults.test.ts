/** A disk that is full, broken or read-only at any step: a clear error, nothing lost, and the next run succeeds. */
import {afterAll, test} from 'vitest';
import {cellsOf, Matrix} from './matrix.ts';
import {scenarios as all} from './scenarios.ts';
import type {Fault} from './steps.ts';

// Others differ in nothing that a disk could fail at; the soak test takes them all.
const scenarios = all.filter(({name}) => /^(capture|first replicate$|replicate$|undo)/.test(name));
const made: Matrix[] = [];
afterAll(() => made.forEach(({place}) => place.remove()));

const faults: readonly Fault[] = ['ENOSPC', 'EIO', 'EROFS'];

test.concurrent.for(scenarios)(
  '$name: no step of it is one too many to fail',
  async (scenario, {expect}) => {
    const matrix = await Matrix.make(scenario);
    made.push(matrix);
    const firsts = cellsOf(matrix.steps).filter(({nth, side}) => nth === 1 && side === 'before');
    const wrong: Record<string, readonly string[]> = {};
    for (const [at, cell] of firsts.entries()) {
      const fault = faults[at % faults.length] ?? 'EIO';
      const found = await matrix.fail(cell, fault);
      if (found.length > 0) wrong[`${fault} at ${cell.step}`] = found;
    }
    process.stdout.write(`${scenario.name}: failed at ${firsts.length} of its kinds of steps\n`);
    expect(wrong).toEqual({});
  },
);
