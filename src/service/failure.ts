/** What a failure means to a service: who has to do something about it, and how soon it is worth trying again. */
import {EngineError, EXIT_CODES, type ErrorCode} from '../kernel/errors.ts';

/** A failure as it is told: names and reasons, never values. */
export type Failure = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
};

/**
 * `waiting`: what is needed is not there yet. `passing`: it may well be over the next time. `fenced`: there is another primary.
 * `refused`: rows, schemas or limits forbid it, and a person or a newer snapshot has to change that. `broken`: nothing will change
 * by itself.
 */
export type FailureKind = 'waiting' | 'passing' | 'fenced' | 'refused' | 'broken';

/** A fault of the program itself is told without its text, which might quote a value. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) {
    const {code, message, hint} = error;
    return {code, message, hint};
  }
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: 'UNEXPECTED',
    message: `something unexpected went wrong (${name}); this is a fault of Rowplica`,
    hint: 'Please report it.',
  };
}

export function kindOf(code: ErrorCode): FailureKind {
  const known = KINDS[code];
  if (known !== undefined) return known;
  switch (EXIT_CODES[code]) {
    case 10: // a store that was there: waiting for the first snapshot is no failure
    case 11:
    case 13:
    case 14:
    case 130:
      return 'passing';
    case 20:
    case 21:
    case 22:
    case 23:
      return 'refused';
    case 1:
    case 2:
    case 12:
    case 30:
    case 126:
    case 127:
      return 'broken';
  }
}

const KINDS: {readonly [Code in ErrorCode]?: FailureKind} = {
  // The application makes its database when it is started first.
  DATABASE_NOT_FOUND: 'waiting',
  MIGRATION_RUNNING: 'waiting',
  APPLICATION_STARTING: 'waiting',
  FENCED: 'fenced',
  FORKED: 'fenced',
  PLAN_STALE: 'passing',
};
