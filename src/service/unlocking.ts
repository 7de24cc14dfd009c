/** Calls that may meet the store in the hands of another process: one that died, or one that is tidying it up. */
import {EngineError, isEngineError, type ErrorCode} from '../kernel/errors.ts';
import type {Log} from '../kernel/log.ts';
import type {PrimaryEngine, ReplicaEngine} from './cycle.ts';

/** Runs a call, and once more where a lock stood in its way and dead ones were removed. */
export type Unlocking = <T>(signal: AbortSignal, call: () => Promise<T>) => Promise<T>;

/** @param unlock Removes locks whose owners are gone; a store that does not let it leaves everything as it is. */
export function unlocking(unlock: (signal: AbortSignal) => Promise<void>, log: Log): Unlocking {
  return async (signal, call) => {
    try {
      return await call();
    } catch (error) {
      if (!isEngineError(error, 'STORE_LOCKED') || signal.aborted) throw error;
      try {
        await unlock(signal);
      } catch (refusal) {
        const code = refusal instanceof EngineError ? refusal.code : 'UNEXPECTED';
        log.info('locks of processes that died could not be removed', {code});
        throw error;
      }
      log.info('trying again, without locks of processes that died');
      return call();
    }
  };
}

export function unlockingPrimary(engine: PrimaryEngine, patiently: Unlocking): PrimaryEngine {
  return {
    look: (signal) => engine.look(signal),
    capture: (signal) => patiently(signal, () => engine.capture(signal)),
    beat: (signal) => patiently(signal, () => engine.beat(signal)),
    close: () => engine.close(),
  };
}

/** A replica that reads while the store is pruned may find files gone: those of an older snapshot, or moved. They are looked for anew. */
export function unlockingReplica(engine: ReplicaEngine, patiently: Unlocking): ReplicaEngine {
  return {
    poll: (signal) => patiently(signal, () => engine.poll(signal)),
    replicate: (signal) =>
      patiently(signal, async () => {
        try {
          return await engine.replicate(signal);
        } catch (error) {
          if (!isEngineError(error, ...MOVED) || signal.aborted) throw error;
          return engine.replicate(signal);
        }
      }),
    drift: (signal) => engine.drift(signal),
    heard: () => engine.heard(),
    note: (news) => engine.note(news),
    close: () => engine.close(),
  };
}

const MOVED: readonly ErrorCode[] = ['SNAPSHOT_CORRUPT', 'SNAPSHOT_INCOMPLETE', 'SNAPSHOT_UNKNOWN'];
