import {describe, expect, test} from 'vitest';
import {EXIT_CODES, type ErrorCode} from '../../../src/kernel/errors.ts';
import {jittered, pauseAfter} from '../../../src/service/backoff.ts';
import {failureOf, kindOf} from '../../../src/service/failure.ts';
import {spoken, verdictOf, type Facts, type StatusWord} from '../../../src/service/status.ts';

const minute = 60_000;
const good: Facts = {
  role: 'replica',
  staleAfterMs: 30 * minute,
  startedMs: 0,
  doneMs: 0,
  failure: undefined,
  refused: undefined,
  signMs: 0,
  asOfMs: 0,
  isSuspicious: false,
  isWaiting: false,
  held: null,
  conflicts: 0,
  drift: undefined,
  position: undefined,
};
const waiting: Partial<Facts> = {isWaiting: true, signMs: undefined, asOfMs: undefined};
const failing = (code: ErrorCode): Partial<Facts> => ({
  failure: {code, message: 'so it is', hint: undefined},
});

describe('one word for what is known', () => {
  const cases: readonly [string, Partial<Facts>, number, StatusWord, RegExp][] = [
    ['all is done', {}, minute, 'ok', /holds the rows of the newest snapshot/],
    ['before the first cycle', {doneMs: undefined}, 1, 'waiting', /first cycle/],
    ['no snapshot yet', waiting, minute, 'waiting', /no snapshot/],
    [
      'no snapshot for a day',
      {...waiting, doneMs: 1440 * minute},
      1440 * minute,
      'waiting',
      /no snapshot/,
    ],
    ['no look for one', waiting, 31 * minute, 'stale', /31 min/],
    [
      'what was refused, and a store that is away since',
      {
        ...failing('STORE_UNREACHABLE'),
        refused: {code: 'FUSE', message: 'too many', hint: undefined},
      },
      minute,
      'held',
      /too many; so it is/,
    ],
    ['the store is away', failing('STORE_UNREACHABLE'), minute, 'degraded', /so it is/],
    ['the store is away for long', failing('STORE_UNREACHABLE'), 31 * minute, 'stale', /31 min/],
    ['the schema forbids it', failing('SCHEMA_MISMATCH'), minute, 'held', /so it is/],
    ['the fuse', failing('FUSE'), minute, 'held', /so it is/],
    [
      'another primary',
      {role: 'primary', signMs: undefined, ...failing('FENCED')},
      minute,
      'fenced',
      /so it is/,
    ],
    ['a replica of two primaries', failing('FORKED'), minute, 'held', /so it is/],
    ['a wrong password', failing('STORE_PASSWORD'), minute, 'failed', /so it is/],
    ['a damaged snapshot', failing('SNAPSHOT_CORRUPT'), minute, 'failed', /so it is/],
    [
      'the primary is silent',
      {doneMs: 40 * minute},
      40 * minute,
      'stale',
      /sign of life for 40 min/,
    ],
    ['it is silent and nothing works', failing('SCHEMA_MISMATCH'), 31 * minute, 'stale', /31 min/],
    ['an old sign of life', {isSuspicious: true}, minute, 'degraded', /old by the clock/],
    ['an undo', {held: 'undone'}, minute, 'held', /undo/],
    ['one conflict', {conflicts: 1}, minute, 'degraded', /1 conflict waits/],
    ['conflicts', {conflicts: 3}, minute, 'degraded', /3 conflicts wait/],
    ['a conflict and an undo', {conflicts: 3, held: 'undone'}, minute, 'held', /undo/],
    [
      'a primary that cannot look',
      {role: 'primary', signMs: undefined, ...failing('DATABASE_BUSY')},
      31 * minute,
      'stale',
      /no look at the rows has succeeded for 31 min/,
    ],
  ];
  test.each(cases)('%s', (...[, facts, nowMs, status, reason]) => {
    const verdict = verdictOf({...good, ...facts}, nowMs);
    expect(verdict).toEqual({status, reason: expect.stringMatching(reason)});
  });

  test('it is never ok, whatever else is true, once the limit has passed without a look or a sign', () => {
    const nowMs = 31 * minute;
    for (const stale of [
      {doneMs: nowMs},
      {signMs: nowMs},
      {signMs: undefined, asOfMs: undefined},
      {},
    ])
      for (const code of [undefined, ...(Object.keys(EXIT_CODES) as ErrorCode[])]) {
        const failed = code === undefined ? {} : failing(code);
        expect(verdictOf({...good, ...stale, ...failed}, nowMs).status).not.toBe('ok');
      }
  });

  test.each([
    [1_400, '1 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [3 * 3_600_000, '3 h'],
  ])('%i ms are %s', (ms, text) => {
    expect(spoken(ms)).toBe(text);
  });
});

describe('what a failure means', () => {
  test('every code means something', () => {
    const codes = Object.keys(EXIT_CODES) as ErrorCode[];
    expect(codes.filter((code) => kindOf(code) === undefined)).toEqual([]);
  });

  test('a fault of the program is told without its text, which may quote a value', () => {
    const failure = failureOf(new TypeError("cannot read 'secret'"));
    expect(failure).toMatchObject({
      code: 'UNEXPECTED',
      message: expect.stringContaining('TypeError'),
    });
    expect(JSON.stringify(failure)).not.toContain('secret');
  });
});

describe('the pause after a cycle', () => {
  test('is the interval after success, and while something is not there yet', () => {
    expect(pauseAfter(5_000, undefined)).toBe(5_000);
    expect(pauseAfter(5_000, {kind: 'waiting', inRow: 1_000})).toBe(5_000);
  });

  test('is short while the application or its database is waited for', () => {
    expect(pauseAfter(6 * minute, {kind: 'waiting', inRow: 1})).toBe(30_000);
  });

  test('doubles with failures in a row, up to a limit of their kind', () => {
    const pauses = [1, 2, 3, 20].map((inRow) => pauseAfter(5_000, {kind: 'passing', inRow}));
    expect(pauses).toEqual([10_000, 20_000, 40_000, 5 * minute]);
    expect(pauseAfter(5_000, {kind: 'broken', inRow: 10_000})).toBe(15 * minute);
  });

  test('is never shorter than the interval', () => {
    expect(pauseAfter(60 * minute, {kind: 'passing', inRow: 3})).toBe(60 * minute);
  });

  test('is spread by a tenth', () => {
    expect([0, 0.5, 0.75].map((random) => jittered(1_000, random))).toEqual([900, 1_000, 1_050]);
  });
});
