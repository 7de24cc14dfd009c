/** When an application that was started can be replicated beside: its database is there, no migration runs, and its version stays. */
import {EngineError} from '../../kernel/errors.ts';
import {APPLICATION_LOOK_MS} from '../../kernel/limits.ts';
import type {Clock} from '../clock.ts';
import {failureOf, kindOf} from '../failure.ts';

/** What changes with the version of the database; undefined where it has none yet. */
export type MarkVersion = (signal: AbortSignal) => Promise<string | undefined>;

export type ReadinessOptions = {
  readonly mark: MarkVersion;
  readonly clock: Clock;
  /** Told why not, each time it looked in vain. */
  readonly onWaiting: (reason: EngineError) => void;
};

/** Until two looks in a row find the same version. False where the signal fired before that. */
export async function becomesReady(
  {mark, clock, onWaiting}: ReadinessOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let before: string | undefined;
  for (;;) {
    await clock.sleep(APPLICATION_LOOK_MS, signal); // what was just started has changed nothing yet
    if (signal.aborted) return false;
    try {
      const now = await mark(signal);
      if (signal.aborted) return false;
      if (now !== undefined && now === before) return true;
      before = now;
      onWaiting(starting(now === undefined ? 'its database has no tables yet' : 'it is starting'));
    } catch (error) {
      if (signal.aborted) return false;
      before = undefined;
      onWaiting(reasonOf(error));
    }
  }
}

export function starting(why: string): EngineError {
  return new EngineError('APPLICATION_STARTING', `waiting for the application: ${why}`, {
    hint: 'Replication begins by itself once the application has made and migrated its database.',
    retryable: true,
  });
}

/** What no application mends by itself is told as it is. */
function reasonOf(error: unknown): EngineError {
  const {code, message, hint} = failureOf(error);
  const kind = kindOf(code);
  if (kind !== 'waiting' && kind !== 'passing')
    return error instanceof EngineError
      ? error
      : new EngineError(code, message, {hint, cause: error});
  return new EngineError('APPLICATION_STARTING', `waiting for the application: ${message}`, {
    hint,
    retryable: true,
    cause: error,
  });
}
