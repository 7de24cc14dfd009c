/** Stops one restic process when a signal fires. */
import {setTimeout as sleep} from 'node:timers/promises';
import {RESTIC_LOCK_GRACE_MS} from '../../kernel/limits.ts';

export type StopOptions = {
  /** Undefined where the process did not start: then there is nothing to stop. */
  readonly pid: number | undefined;
  /** Resolves when restic is ready to be stopped; at most RESTIC_LOCK_GRACE_MS are waited for it. */
  readonly after: Promise<void>;
  /** Milliseconds between SIGINT and SIGKILL. */
  readonly stopMs: number;
};

/**
 * At the first signal: SIGINT, on which restic removes its lock; SIGKILL to its whole group after
 * `stopMs`. A restic that has written its lock looks for others' for 0.2 s and only then knows that
 * the lock is to be removed (seen with 0.14): an interrupt in that time would leave it, hence `after`.
 *
 * The returned function ends the watch. Call it when the process has ended: its id may be used again.
 */
export function stopOn(
  signals: readonly (AbortSignal | undefined)[],
  {pid, after, stopMs}: StopOptions,
): () => void {
  const ended = new AbortController();
  if (pid === undefined) return () => {};
  const pause = (ms: number) => sleep(ms, undefined, {signal: ended.signal});

  const stop = async () => {
    await Promise.race([after, pause(RESTIC_LOCK_GRACE_MS)]);
    if (ended.signal.aborted) return;
    // Not the group: ssh may be in it, through which restic removes its lock.
    sendSignal(pid, 'SIGINT');
    await pause(stopMs);
    sendSignal(-pid, 'SIGKILL');
  };
  // A second SIGINT would end restic at once, its lock left behind.
  let stopped: Promise<void> | undefined;
  const begin = () => void (stopped ??= stop().catch(ignoreEnd));
  for (const signal of signals) {
    signal?.addEventListener('abort', begin, {once: true, signal: ended.signal});
  }
  return () => ended.abort();
}

/** The only failure of a pause is that the process has ended. */
function ignoreEnd(): void {}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
