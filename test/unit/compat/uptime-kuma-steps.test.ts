/** That the steps for Uptime Kuma are complete: every migration of its releases has one, at its place. */
import {expect, test} from 'vitest';
import {findChain} from '../../../src/compat/chain.ts';
import {whyIrreversible} from '../../../src/compat/direction.ts';
import {kumaSteps} from '../../helpers/compat.ts';
import {knexMigrations, patchedFiles} from '../../helpers/uptime-kuma/migrations.ts';

const steps = kumaSteps();
const patches = (version: '1.18.5' | '1.23.17' | '2.5.3'): readonly string[] =>
  Object.keys(JSON.parse(patchedFiles(version, 'native')) as object);
const oldest = patches('1.18.5');
const later = patches('1.23.17').filter((name) => !oldest.includes(name));
const knex = knexMigrations('2.5.3');

test('every migration after those of 1.18.5 has exactly one step', () => {
  expect(steps.flatMap(({migrations}) => migrations).toSorted()).toEqual(
    [...later, ...knex].toSorted(),
  );
});

test('steps run in the order in which the application runs its migrations', () => {
  const order = steps
    .filter(({operations}) => operations.length > 0)
    .map(({migrations}) => migrations);
  expect(order.every(({length}) => length === 1)).toBe(true);
  const places = order.flat().map((name) => [...later, ...knex].indexOf(name));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

test('a step is named after its migration', () => {
  const named = steps.filter(({operations}) => operations.length > 0);
  for (const {name, migrations} of named)
    expect(name.replace(/^1\.x-\d\d-/, '')).toBe(migrations[0]?.replace(/\.(js|sql)$/, ''));
});

test('every step can be taken back where nothing is lost by it', () => {
  expect(steps.flatMap((step) => whyIrreversible(step) ?? [])).toEqual([]);
});

/** Newest migration of a release, and how many it has, as the releases themselves record them. */
test.each([
  ['2.0.2', [...notYetIn20(), ...after('2025-10-15-0000-stat-table-fix.js')], 28],
  [
    '2.1.3',
    [...notYetIn24(), ...after('2026-02-07-0000-disable-domain-expiry-unsupported-tlds.js')],
    48,
  ],
  [
    '2.4.0',
    [...notYetIn24(), ...after('2026-05-25-0000-add-gamedig-token.js')].filter(
      (name) => !/bearer|gamedig-token/.test(name),
    ),
    50,
  ],
])('rows go from %s to 2.5 and back', (_, missing, count) => {
  const there = [...patches('2.5.3'), ...knex.filter((name) => !missing.includes(name))];
  const here = [...patches('2.5.3'), ...knex];
  expect(there.length - patches('2.5.3').length).toBe(count);
  expect(findChain(steps, there, here).kind).toBe('lift');
  expect(findChain(steps, here, there).kind).toBe('lower');
});

test('a database of a release before 1.18 is refused', () => {
  const [, ...fewer] = oldest;
  expect(findChain(steps, fewer, patches('1.23.17')).kind).toBe('refused');
});

function after(name: string): readonly string[] {
  return knex.slice(knex.indexOf(name) + 1);
}

/** Older by name than what 2.0 has, and released later. */
function notYetIn20(): readonly string[] {
  return knex.filter((name) => /add-wstest|generalize-analytics|add-domain-expiry\./.test(name));
}

function notYetIn24(): readonly string[] {
  return knex.filter((name) => name.includes('add-ntp'));
}
