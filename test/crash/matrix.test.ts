/** Killed at any instant (P2): the rows are as before or as after, status says which, and the next run finishes. */
import {afterAll, test} from 'vitest';
import {cellsOf, Matrix} from './matrix.ts';
import {resticScenarios, scenarios} from './scenarios.ts';

const made: Matrix[] = [];
afterAll(() => made.forEach(({place}) => place.remove()));

test.concurrent.for(resticScenarios)('$name: nor is one of restic', async (scenario, {expect}) => {
  const matrix = await Matrix.make(scenario);
  made.push(matrix);
  expect(scenario.steps.filter((step) => !matrix.steps.includes(step))).toEqual([]);
  const cells = scenario.steps.map((step) => ({step, nth: 1, side: 'after' as const}));
  const faults: Record<string, readonly string[]> = {};
  for (const cell of cells) {
    for (const withChildren of [false, true]) {
      const wrong = await matrix.kill(cell, {withChildren});
      const what = withChildren ? 'restic too' : 'restic lives on';
      if (wrong.length > 0) faults[`${cell.side} ${cell.step} ${cell.nth}, ${what}`] = wrong;
    }
  }
  process.stdout.write(`${scenario.name}: killed at ${2 * cells.length} points\n`);
  expect(faults).toEqual({});
});

test.concurrent.for(scenarios)(
  '$name: no step of it is one too many to die at',
  async (scenario, {expect}) => {
    const matrix = await Matrix.make(scenario);
    made.push(matrix);
    const cells = cellsOf(matrix.steps);
    const reached = cells.map(({step}) => step);
    expect(scenario.steps.filter((step) => !reached.includes(step))).toEqual([]);
    const faults: Record<string, readonly string[]> = {};
    for (const cell of cells) {
      const wrong = await matrix.kill(cell);
      if (wrong.length > 0) faults[`${cell.side} ${cell.step} ${cell.nth}`] = wrong;
    }
    process.stdout.write(
      `${scenario.name}: killed at ${cells.length} of ${matrix.steps.length} steps\n`,
    );
    expect(faults).toEqual({});
  },
);
