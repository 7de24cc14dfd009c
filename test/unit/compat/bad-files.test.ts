/** Compat files that are wrong: refused by file and line, with a word about what is wrong. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {readSteps} from '../../../src/compat/read-steps.ts';
import {COMPAT_FILE_CHARS_MAX} from '../../../src/kernel/limits.ts';
import {makeInstances, typed, write} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';

const head = 'format: 1\napplication: app\nsummary: A test.\n';

const read = (...texts: readonly string[]): unknown =>
  readSteps(
    texts.map((text, at) => {
      const name = 'abc'[at] ?? '';
      return {path: `dir/${name}.yaml`, folder: 'app', name, text};
    }),
  );

const operation = (line: string): string => `${head}migrations: [m]\noperations:\n  - ${line}\n`;

test.each<[string, readonly string[], string]>([
  [
    'an unknown operation',
    [operation('op: explode\n    table: t')],
    'dir/a.yaml:6: operations 1 op',
  ],
  [
    'an unknown member',
    [operation('op: addTable\n    table: t\n    colour: red')],
    'dir/a.yaml:8: operations 1 colour: there is no such member',
  ],
  [
    'a missing column',
    [operation('op: dropColumn\n    table: t')],
    'dir/a.yaml:6: operations 1 column',
  ],
  [
    'a value of another kind',
    [operation('op: addTable\n    table: 7')],
    'dir/a.yaml:7: operations 1 table',
  ],
  [
    'no summary',
    ['format: 1\napplication: app\nmigrations: [m]\noperations: []\n'],
    'dir/a.yaml:1: summary',
  ],
  ['no migrations', [`${head}migrations: []\noperations: []\n`], 'dir/a.yaml:4: migrations'],
  [
    'another application',
    [`format: 1\napplication: other\nsummary: s\nmigrations: [m]\noperations: []\n`],
    'dir/a.yaml:2: it is of "other"',
  ],
  ['no YAML', [`${head}migrations: [\n`], 'dir/a.yaml:5: it cannot be read as YAML'],
  [
    'a name given twice',
    [`${head}summary: again\nmigrations: [m]\noperations: []\n`],
    'dir/a.yaml:4: it cannot be read as YAML',
  ],
  [
    'aliases',
    [`${head}migrations: &m [m]\nafter: *m\noperations: []\n`],
    'dir/a.yaml:1: it repeats parts',
  ],
  ['nothing', [''], 'dir/a.yaml:1: '],
  ['a list', ['- format: 1\n'], 'dir/a.yaml:1: '],
  [
    'two steps for one migration',
    [
      `${head}migrations: [x, m]\noperations: []\n`,
      `${head}migrations:\n  - y\n  - m\noperations: []\n`,
    ],
    'dir/b.yaml:6: migration "m" has a step already, in dir/a.yaml',
  ],
  [
    'a migration twice in one step',
    [`${head}migrations: [m, m]\noperations: []\n`],
    'dir/a.yaml:4: migration "m" has a step already, in dir/a.yaml',
  ],
  [
    'a step before it that is not there',
    [`${head}migrations: [m]\nafter: [nowhere]\noperations: []\n`],
    'dir/a.yaml:5: there is no step "nowhere"',
  ],
  [
    'steps in a circle',
    [
      `${head}migrations: [m]\nafter: [b]\noperations: []\n`,
      `${head}migrations: [n]\nafter: [a]\noperations: []\n`,
      `${head}migrations: [o]\noperations: []\n`,
    ],
    'dir/a.yaml:5: its steps come after one another in a circle: a, b',
  ],
  [
    'too much',
    [`${head}migrations: [m]\noperations: []\n${'#'.repeat(COMPAT_FILE_CHARS_MAX)}`],
    'dir/a.yaml:1: it has more than',
  ],
])('%s', (_, texts, message) => {
  expect(() => read(...texts)).toThrow(
    expect.objectContaining({code: 'COMPAT_INVALID', exitCode: 2}),
  );
  expect(() => read(...texts)).toThrow(message);
});

test('a newer format says which Rowplica is too old', () => {
  const newer = () => read('format: 2\napplication: app\nmoments: []\n');
  expect(newer).toThrow(expect.objectContaining({code: 'FORMAT_NEWER', exitCode: 30}));
  expect(newer).toThrow('dir/a.yaml:1: it has format 2; this Rowplica reads up to 1');
});

test('steps run after those that they name, else by name', () => {
  const steps = readSteps(
    ['c', 'a', 'b'].map((name) => {
      const after = name === 'a' ? 'after: [c]\n' : '';
      const text = `${head}migrations: [of-${name}]\n${after}operations: []\n`;
      return {path: name, folder: 'app', name, text};
    }),
  );
  expect(steps.map(({name}) => name)).toEqual(['b', 'c', 'a']);
});

test('a faulty file of the user stops a replicate before anything is written', async () => {
  const version = (patches: string): string =>
    `INSERT INTO setting VALUES ('databasePatchedFiles', '${patches}')`;
  const instances = makeInstances({
    ddl: smallKuma,
    primary: `${version('{"a":true}')}; INSERT INTO monitor (id, name) VALUES (1, 'one')`,
    replica: version('{"a":true,"b":true}'),
  });
  await instances.capture();
  await expect(instances.replicate()).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
    message: expect.stringContaining('no compat step says what it does'),
  });
  const compat = join(instances.folder, 'steps');
  mkdirSync(join(compat, 'uptime-kuma'), {recursive: true});
  const file = join(compat, 'uptime-kuma', 'b.yaml');
  const step = (op: string): string =>
    `format: 1\napplication: uptime-kuma\nsummary: s\nmigrations: [b]\noperations:\n  - {op: ${op}, table: monitor}\n`;
  writeFileSync(file, step('explode'));
  await expect(instances.replicate({compat})).rejects.toMatchObject({
    code: 'COMPAT_INVALID',
    message: expect.stringContaining(`${file}:6: `),
  });
  expect(typed(instances.replica, 'monitor', ['id'])).toEqual([]);
  writeFileSync(file, step('changeTable'));
  expect(await instances.replicate({compat})).toMatchObject({applied: true});
  expect(typed(instances.replica, 'monitor', ['id'])).toEqual(['integer 1']);
  await expect(instances.replicate({compat: join(instances.folder, 'none')})).rejects.toMatchObject(
    {
      code: 'CONFIG_INVALID',
    },
  );
  write(instances.replica, 'UPDATE setting SET value = \'{"a":true}\'');
  write(
    instances.primary,
    'UPDATE setting SET value = \'{"a":true,"b":true}\'; INSERT INTO monitor (id, name) VALUES (2, \'two\')',
  );
  await instances.capture();
  await expect(instances.replicate({compat})).rejects.toMatchObject({
    code: 'UPGRADE_FIRST',
    exitCode: 20,
    retryable: true,
  });
  expect(typed(instances.replica, 'monitor', ['id'])).toEqual(['integer 1']);
  write(instances.replica, 'UPDATE setting SET value = \'{"a":true,"b":true}\'');
  expect(await instances.replicate()).toMatchObject({applied: true});
  expect(typed(instances.replica, 'monitor', ['id'])).toEqual(['integer 1', 'integer 2']);
});
