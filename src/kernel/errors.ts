/**
 * The one error class of the engine, its codes, and the exit code of each.
 *
 * Messages say what failed, at which site, and why. They never hold a cell value.
 */

import {MESSAGE_CHARS_MAX} from './limits.ts';

/** Exit code of every error code. Codes and numbers are a contract: never renamed, never renumbered. */
export const EXIT_CODES = {
  UNEXPECTED: 1,

  USAGE: 2,
  CONFIG_INVALID: 2,
  DATABASE_NOT_FOUND: 2,
  NOT_A_DATABASE: 2,
  TABLE_NOT_FOUND: 2,
  PROFILE_NOT_FOUND: 2,
  SNAPSHOT_UNKNOWN: 2,
  NOTHING_TO_UNDO: 2,
  CONFLICT_UNKNOWN: 2,
  STORE_TOOL_MISSING: 2,
  COMPAT_INVALID: 2,

  STORE_MISSING: 10,
  NO_SNAPSHOT: 10,
  STORE_LOCKED: 11,
  STORE_PASSWORD: 12,
  STORE_UNREACHABLE: 13,
  STORE_FAILED: 13,
  SERVICE_SILENT: 13,

  DATABASE_BUSY: 14,
  DATABASE_READONLY: 14,
  DATABASE_UNFINISHED: 14,
  DATABASE_FULL: 14,
  DATABASE_IO: 14,
  COMMIT_UNKNOWN: 14,
  MIGRATION_RUNNING: 14,
  APPLICATION_STARTING: 14,
  STATE_IN_USE: 14,
  STATE_UNWRITABLE: 14,

  VERSION_MISMATCH: 20,
  UPGRADE_FIRST: 20,
  SCHEMA_MISMATCH: 20,
  NO_KEY: 20,
  KEY_UNUSABLE: 20,
  KEY_TAKEN: 20,
  VALUE_UNSUPPORTED: 20,
  CONSTRAINT: 20,
  DATABASE_REFUSED: 20,
  UNIQUE_CYCLE: 20,
  FOREIGN_KEY: 20,
  TRIGGER: 20,
  FENCED: 20,
  FOREIGN_WRITER: 20,
  HELD: 20,
  MUTED: 20,

  CONFLICTS: 21,

  PLAN_STALE: 22,
  POSITION_MISMATCH: 22,
  FORKED: 22,
  UNDO_STALE: 22,

  FUSE: 23,
  LOCK_BUDGET: 23,

  FORMAT_NEWER: 30,
  SNAPSHOT_CORRUPT: 30,
  SNAPSHOT_INCOMPLETE: 30,
  STORE_DAMAGED: 30,
  ROWS_UNSORTED: 30,
  PROOF_FAILED: 30,
  STATE_NEWER: 30,
  STATE_DAMAGED: 30,

  /** The numbers that shells give for a command they cannot start. */
  COMMAND_UNUSABLE: 126,
  COMMAND_NOT_FOUND: 127,

  INTERRUPTED: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/** Where it happened. Set every field that is known; never put cell values here. */
export type ErrorSite = {
  readonly table?: string | undefined;
  readonly key?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly path?: string | undefined;
};

export type ErrorDetails = {
  readonly site?: ErrorSite;
  /** One sentence: what the reader can do about it. */
  readonly hint?: string | undefined;
  /** The same call may succeed later, unchanged. Default false. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
};

/** An expected failure. Bugs are asserted instead, and crash. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly site: ErrorSite;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(oneLine(message), details.cause === undefined ? undefined : {cause: details.cause});
    this.code = code;
    this.site = details.site ?? {};
    this.hint = details.hint === undefined ? undefined : oneLine(details.hint);
    this.retryable = details.retryable ?? false;
  }

  /** The exit code of a command that failed with this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** What ends a line, speaks to a terminal or turns the direction of writing. */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A message quotes names that come from outside: one line, of bounded length, that commands no terminal. */
function oneLine(message: string): string {
  const text =
    message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message;
  return text
    .toWellFormed()
    .replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** True for an EngineError, of one of the given codes where any are given. */
export function isEngineError(
  error: unknown,
  ...codes: readonly ErrorCode[]
): error is EngineError {
  return error instanceof EngineError && (codes.length === 0 || codes.includes(error.code));
}
