import {expect, test} from 'vitest';
import {checkFuse, checkOnlyAdds} from '../../../src/plan/fuse.ts';

const blows = true;
test.each([
  // rows before, deleted, inserted
  [0, 0, 0, !blows],
  [1, 1, 0, blows], // the table would be empty
  [9, 9, 0, blows],
  [9, 9, 1, !blows], // of fewer than ten rows a share says little
  [9, 8, 0, !blows],
  [10, 5, 0, !blows], // half is allowed
  [10, 6, 0, blows],
  [10, 10, 10, blows], // replaced as a whole
  [1000, 500, 0, !blows],
  [1000, 501, 0, blows],
  [1000, 501, 2000, blows],
  [1000, 0, 0, !blows],
])('of %i rows, %i deleted and %i inserted: stops %j', (before, deleted, inserted, stops) => {
  const check = (allowed: readonly string[]): void =>
    checkFuse(
      new Map([
        ['calm', {inserted: 0, updated: 7, deleted: 0}],
        ['t', {inserted, updated: 3, deleted}],
      ]),
      new Map([
        ['calm', 10],
        ['t', before],
      ]),
      {allowed: new Set(allowed)},
    );
  if (stops) {
    const fuse = {
      code: 'FUSE',
      exitCode: 23,
      site: {table: 't'},
      hint: expect.stringContaining('--allow-deletes t'),
    };
    expect(() => check(['calm'])).toThrow(expect.objectContaining(fuse));
  } else {
    expect(() => check([])).not.toThrow();
  }
  expect(() => check(['t'])).not.toThrow();
});

test('a handful of rows whose table may become empty goes without leave; more does not', () => {
  const check = (before: number): void =>
    checkFuse(
      new Map([['maintenance', {inserted: 0, updated: 0, deleted: before}]]),
      new Map([['maintenance', before]]),
      {allowed: new Set(), mayEmpty: new Set(['maintenance'])},
    );
  for (const before of [1, 9]) expect(() => check(before)).not.toThrow();
  expect(() => check(10)).toThrow(expect.objectContaining({code: 'FUSE'}));
});

test('a database that may be nobody’s replica gets rows, and loses or changes none', () => {
  const counts = {inserted: 3, updated: 0, deleted: 0};
  expect(() => checkOnlyAdds(new Map([['monitor', counts]]))).not.toThrow();
  for (const change of [{updated: 1}, {deleted: 1}])
    expect(() =>
      checkOnlyAdds(
        new Map([
          ['tag', counts],
          ['monitor', {...counts, ...change}],
        ]),
      ),
    ).toThrow(expect.objectContaining({code: 'FUSE', site: {table: 'monitor'}}));
});
