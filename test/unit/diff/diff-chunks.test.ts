import {expect, test} from 'vitest';
import {changedRegions, partsOf, segmentsOf, type Region} from '../../../src/diff/diff-chunks.ts';
import type {ChunkEntry} from '../../../src/snapshot/content.ts';

const chunk = (name: string): ChunkEntry => {
  const [first = '', digest = ''] = name.split(':');
  return {first, digest, rows: 1};
};

const list = (names: string): readonly ChunkEntry[] => names.split(' ').filter(Boolean).map(chunk);

const firsts = (chunks: readonly ChunkEntry[]): string => chunks.map(({first}) => first).join(' ');

const told = (regions: readonly Region[]): readonly string[] =>
  regions.map(
    ({range, ...sides}) =>
      `${range.from ?? '.'}-${range.to ?? '.'}: ${firsts(sides.ours)} | ${firsts(sides.theirs)}`,
  );

/** Chunks are `first:digest`; a region is `from-to: ours | theirs`, a dot for no bound. */
test.each<[string, string, readonly string[]]>([
  ['', '', []],
  ['a:1 b:2', 'a:1 b:2', []],
  ['', 'a:1', ['.-.:  | a']],
  ['a:1', '', ['.-.: a | ']],
  ['a:1 b:2', 'a:1 b:3', ['b-.: b | b']],
  ['a:1 b:2', 'a:9 b:2', ['.-b: a | a']],
  ['a:1 b:2 c:3', 'a:1 c:3', ['b-c: b | ']],
  ['a:1 c:3', 'a:1 b:2 c:3', ['b-c:  | b']],
  ['a:1 c:3 d:4', 'a:1 b:2 d:4', ['b-d: c | b']],
  ['a:1 b:2 c:3 d:4', 'a:9 b:2 c:9 d:4', ['.-b: a | a', 'c-d: c | c']],
  // Equal rows of a multiset in chunks that begin at different occurrence numbers are different rows.
  ['k,N0:1', 'k,Na5:1', ['.-.: k,N0 | k,Na5']],
])('%j against %j differ in %j', (ours, theirs, expected) => {
  expect(told(changedRegions(list(ours), list(theirs)))).toEqual(expected);
});

test.each<[string, string, readonly string[]]>([
  ['a b c', 'a b c', ['.-b: a | a', 'b-c: b | b', 'c-.: c | c']],
  ['a c d', 'a b d', ['.-d: a c | a b', 'd-.: d | d']],
  ['b c', 'a b c', ['.-b:  | a', 'b-c: b | b', 'c-.: c | c']],
  ['a b', 'b c', ['.-.: a b | b c']],
  ['a b c', '', ['.-.: a b c | ']],
  ['', 'a b', ['.-.:  | a b']],
])('the region of %j against %j has parts %j', (ours, theirs, expected) => {
  const range = {from: undefined, to: undefined};
  expect(told(partsOf({range, ours: list(ours), theirs: list(theirs)}))).toEqual(expected);
});

test('a region is split so that each part has one chunk of theirs', () => {
  const range = {from: 'b', to: 'z'};
  const theirs = ['c:1', 'd:2', 'e:3'].map(chunk);
  expect(segmentsOf({range, ours: [], theirs})).toEqual([
    {theirs: theirs[0], range: {from: 'b', to: 'd'}, to: 'd'},
    {theirs: theirs[1], range: {from: 'd', to: 'e'}, to: 'e'},
    {theirs: theirs[2], range: {from: 'e', to: 'z'}, to: 'z'},
  ]);
  expect(segmentsOf({range, ours: theirs, theirs: []})).toEqual([
    {theirs: undefined, range, to: 'z'},
  ]);
});

test('and no more than some of ours', () => {
  const firsts = Array.from({length: 40}, (_, at) => `k${String(at).padStart(2, '0')}`);
  const ours = firsts.map((first) => chunk(`${first}:x`));
  const theirs = ['k00:1', 'k16:2', 'k20:3'].map(chunk);
  const range = {from: undefined, to: 'm'};
  expect(segmentsOf({range, ours, theirs})).toEqual([
    {theirs: theirs[0], range: {from: undefined, to: 'k16'}, to: 'k16'},
    {theirs: theirs[1], range: {from: 'k16', to: 'k20'}, to: 'k20'},
    {theirs: theirs[2], range: {from: 'k20', to: 'k32'}, to: 'm'},
    {theirs: theirs[2], range: {from: 'k32', to: 'm'}, to: 'm'},
  ]);
  expect(segmentsOf({range, ours, theirs: []}).map((segment) => segment.range)).toEqual([
    {from: undefined, to: 'k16'},
    {from: 'k16', to: 'k32'},
    {from: 'k32', to: 'm'},
  ]);
});
