import {expect, test} from 'vitest';
import {
  EngineError,
  EXIT_CODES,
  isEngineError,
  type ErrorCode,
} from '../../../src/kernel/errors.ts';
import {comparePositions} from '../../../src/kernel/position.ts';

/** The contract with scripts: every code, by the exit code that the design gives it. */
const contract: Readonly<Record<number, readonly ErrorCode[]>> = {
  1: ['UNEXPECTED'],
  2: [
    'USAGE',
    'CONFIG_INVALID',
    'DATABASE_NOT_FOUND',
    'NOT_A_DATABASE',
    'TABLE_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'SNAPSHOT_UNKNOWN',
    'NOTHING_TO_UNDO',
    'CONFLICT_UNKNOWN',
    'STORE_TOOL_MISSING',
    'COMPAT_INVALID',
  ],
  10: ['STORE_MISSING', 'NO_SNAPSHOT'],
  11: ['STORE_LOCKED'],
  12: ['STORE_PASSWORD'],
  13: ['STORE_UNREACHABLE', 'STORE_FAILED', 'SERVICE_SILENT'],
  14: [
    'DATABASE_BUSY',
    'DATABASE_READONLY',
    'DATABASE_UNFINISHED',
    'DATABASE_FULL',
    'DATABASE_IO',
    'COMMIT_UNKNOWN',
    'MIGRATION_RUNNING',
    'APPLICATION_STARTING',
    'STATE_IN_USE',
    'STATE_UNWRITABLE',
  ],
  20: [
    'VERSION_MISMATCH',
    'UPGRADE_FIRST',
    'SCHEMA_MISMATCH',
    'NO_KEY',
    'KEY_UNUSABLE',
    'KEY_TAKEN',
    'VALUE_UNSUPPORTED',
    'CONSTRAINT',
    'DATABASE_REFUSED',
    'UNIQUE_CYCLE',
    'FOREIGN_KEY',
    'TRIGGER',
    'FENCED',
    'FOREIGN_WRITER',
    'HELD',
    'MUTED',
  ],
  21: ['CONFLICTS'],
  22: ['PLAN_STALE', 'POSITION_MISMATCH', 'FORKED', 'UNDO_STALE'],
  23: ['FUSE', 'LOCK_BUDGET'],
  30: [
    'FORMAT_NEWER',
    'SNAPSHOT_CORRUPT',
    'SNAPSHOT_INCOMPLETE',
    'STORE_DAMAGED',
    'ROWS_UNSORTED',
    'PROOF_FAILED',
    'STATE_NEWER',
    'STATE_DAMAGED',
  ],
  126: ['COMMAND_UNUSABLE'],
  127: ['COMMAND_NOT_FOUND'],
  130: ['INTERRUPTED'],
};

test.each(Object.entries(contract))('exit code %s is that of %j', (exit, codes) => {
  for (const code of codes) expect(new EngineError(code, 'why').exitCode).toBe(Number(exit));
});

test('every code has its place in the contract', () => {
  expect(Object.keys(EXIT_CODES).sort()).toEqual(Object.values(contract).flat().sort());
});

test('an error carries site, hint and cause, and is not worth trying again unless it says so', () => {
  const cause = new Error('below');
  const error = new EngineError('CONSTRAINT', 'why', {site: {table: 't'}, hint: 'Do this.', cause});
  expect(error).toMatchObject({
    name: 'EngineError',
    site: {table: 't'},
    hint: 'Do this.',
    retryable: false,
    cause,
  });
  expect(new EngineError('DATABASE_BUSY', 'why', {retryable: true}).retryable).toBe(true);
});

test('errors are told by their codes', () => {
  const error = new EngineError('FUSE', 'why');
  expect([
    isEngineError(error),
    isEngineError(error, 'FUSE', 'USAGE'),
    isEngineError(error, 'USAGE'),
  ]).toEqual([true, true, false]);
  expect(isEngineError(new Error('FUSE'))).toBe(false);
});

test.each([
  [{epoch: 1, sequence: 9}, {epoch: 2, sequence: 1}, -1],
  [{epoch: 2, sequence: 1}, {epoch: 2, sequence: 2}, -1],
  [{epoch: 2, sequence: 2}, {epoch: 2, sequence: 2}, 0],
  [{epoch: 3, sequence: 1}, {epoch: 2, sequence: 9}, 1],
])('%j against %j: %i', (a, b, sign) => {
  expect(Math.sign(comparePositions(a, b))).toBe(sign);
});
