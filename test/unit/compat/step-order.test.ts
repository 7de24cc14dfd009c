/** The order of steps that several folders bring. */
import {expect, test} from 'vitest';
import {readSteps, type CompatFile} from '../../../src/compat/read-steps.ts';

const file = (folder: string, name: string, after: readonly string[] = []): CompatFile => ({
  path: `${folder}/app/${name}.yaml`,
  folder: 'app',
  name,
  text: JSON.stringify({
    format: 1,
    application: 'app',
    summary: 'A step.',
    migrations: [`${folder}-${name}`],
    after,
    operations: [],
  }),
});

test('a step that comes after others comes after all of that name', () => {
  const steps = readSteps([
    file('own', 'm'),
    file('own', 'z'),
    file('user', 'a', ['m']),
    file('user', 'm', ['z']),
  ]);
  expect(steps.map(({file: path}) => path)).toEqual([
    'own/app/m.yaml',
    'own/app/z.yaml',
    'user/app/m.yaml',
    'user/app/a.yaml',
  ]);
});
