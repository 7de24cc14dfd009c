/** Policies in a configuration file: what may be written, and how each fault is told. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {loadConfig, type LoadedConfig} from '../../../src/config/config.ts';
import {isEngineError} from '../../../src/kernel/errors.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

type Loaded = {readonly path: string; readonly load: (env?: NodeJS.ProcessEnv) => LoadedConfig};

function file(yaml: string): Loaded {
  const path = join(tempFolder(), 'rowplica.yaml');
  writeFileSync(path, yaml);
  return {path, load: (env = {}) => loadConfig({file: path, env, flags: {}})};
}

const policyOf = (yaml: string): TablePolicy | undefined =>
  file(`tables: {monitor: ${yaml}}`).load().policies?.get('monitor');

test.each<[string, TablePolicy]>([
  ['mirror', {policy: 'mirror'}],
  ['seed', {policy: 'seed'}],
  ['"off"', {policy: 'off'}],
  ['{}', {}],
  ['{policy: merge, onConflict: primaryWins}', {policy: 'merge', onConflict: 'primaryWins'}],
  ['{drift: keep, local: [active]}', {drift: 'keep', local: ['active']}],
  ['{ownKeys: 100000}', {ownKeys: 100_000}],
  ['{where: {type: push}}', {where: [{column: 'type', in: ['push']}]}],
  ['{where: {type: [push, null]}}', {where: [{column: 'type', in: ['push', null]}]}],
  ['{where: {type: {in: [push]}}}', {where: [{column: 'type', in: ['push']}]}],
  ['{where: {type: {not: push}}}', {where: [{column: 'type', not: ['push']}]}],
  [
    '{where: {active: true, weight: 1.5, id: {not: [1, 2]}}}',
    {
      where: [
        {column: 'active', in: [1]},
        {column: 'weight', in: [1.5]},
        {column: 'id', not: [1, 2]},
      ],
    },
  ],
])('tables: {monitor: %s}', (yaml, policy) => {
  expect(policyOf(yaml)).toEqual(policy);
});

test('YAML reads a bare off as a text, as it has no such word for false', () => {
  expect(policyOf('off')).toEqual({policy: 'off'});
});

test('a preset, and what becomes of drift, are named for all tables', () => {
  const config = file('preset: snapshot\ndrift: keep\ntables: {setting: mirror}').load();
  expect(config).toMatchObject({preset: 'snapshot', drift: 'keep'});
  expect(config.tables).toBe(undefined);
  expect(file('preset: snapshot').load({ROWPLICA_PRESET: 'default'}).preset).toBe('default');
  expect(file('preset: snapshot').load({ROWPLICA_PRESET: ''}).preset).toBe('snapshot');
});

describe('each fault is one line that names the file, the setting and the reason', () => {
  test.each<[string, string, RegExp]>([
    [
      'an unknown policy',
      'tables: {monitor: mirrored}',
      /"tables\.monitor": .*mirror.*merge.*seed.*off/,
    ],
    [
      'an unknown policy in full',
      'tables: {monitor: {policy: x}}',
      /"tables\.monitor\.policy": .*"mirror"/,
    ],
    ['a number as a policy', 'tables: {monitor: 1}', /"tables\.monitor": /],
    [
      'an unknown part',
      'tables: {monitor: {onConflicts: fail}}',
      /"tables\.monitor": .*onConflicts/,
    ],
    [
      'another winner',
      'tables: {monitor: {policy: merge, onConflict: ours}}',
      /"tables\.monitor\.onConflict": .*"primaryWins"/,
    ],
    [
      'onConflict of a mirror',
      'tables: {monitor: {policy: mirror, onConflict: fail}}',
      /"tables\.monitor": onConflict belongs to policy merge/,
    ],
    [
      'drift of a merge',
      'tables: {monitor: {policy: merge, drift: keep}}',
      /"tables\.monitor": drift belongs to .*mirror and seed/,
    ],
    ['another drift', 'tables: {monitor: {drift: revert}}', /"tables\.monitor\.drift": .*"repair"/],
    ['another drift for all', 'drift: revert', /"drift": .*"repair"/],
    [
      'more of a table that is off',
      'tables: {monitor: {policy: off, local: [a]}}',
      /"tables\.monitor": a table that is off/,
    ],
    ['local without columns', 'tables: {monitor: {local: []}}', /"tables\.monitor\.local": /],
    ['local that is no list', 'tables: {monitor: {local: active}}', /"tables\.monitor\.local": /],
    ['an empty column', 'tables: {monitor: {local: [""]}}', /"tables\.monitor\.local\.0": /],
    [
      'a condition of nothing',
      'tables: {monitor: {where: {type: []}}}',
      /"tables\.monitor\.where\.type": /,
    ],
    [
      'a constant that is a list',
      'tables: {monitor: {where: {type: [[1]]}}}',
      /"tables\.monitor\.where\.type\.0": it is neither a text nor a number/,
    ],
    [
      'an unknown test',
      'tables: {monitor: {where: {type: {like: x}}}}',
      /"tables\.monitor\.where\.type": it takes .*\{not: …\}/,
    ],
    [
      'two tests at once',
      'tables: {monitor: {where: {type: {in: a, not: b}}}}',
      /"tables\.monitor\.where\.type": it takes .*\{not: …\}/,
    ],
    ['where without a column', 'tables: {monitor: {where: push}}', /"tables\.monitor\.where": /],
    [
      'no test at all',
      'tables: {monitor: {where: {type: {}}}}',
      /"tables\.monitor\.where\.type": it takes /,
    ],
    ['keys from zero', 'tables: {monitor: {ownKeys: 0}}', /"tables\.monitor\.ownKeys": /],
    ['keys from a text', 'tables: {monitor: {ownKeys: "1000"}}', /"tables\.monitor\.ownKeys": /],
    [
      'keys beyond what is exact',
      'tables: {monitor: {ownKeys: 9007199254740993}}',
      /"tables\.monitor\.ownKeys": /,
    ],
    [
      'an infinite constant',
      'tables: {monitor: {where: {id: .nan}}}',
      /"tables\.monitor\.where\.id": /,
    ],
    ['a preset that is no name', 'preset: [snapshot]', /"preset": /],
    ['a table without a name', 'tables: {"": mirror}', /"tables.*": /],
  ])('%s', (_, yaml, told) => {
    const {path, load} = file(yaml);
    const error = caught(load);
    expect(error).toMatchObject({code: 'CONFIG_INVALID', exitCode: 2, site: {path}});
    expect(error?.message).toMatch(told);
    expect(error?.message).toContain(`configuration ${path}: `);
    expect(error?.message).not.toContain('\n');
    expect(error?.message).not.toMatch(/undefined|\[object|ZodError/);
  });
});

function caught(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (isEngineError(error)) return error;
    throw error;
  }
  return undefined;
}
