/** The engine as the roles see it: every call with the same options, and the signal of the moment. */
import {beat} from '../engine/beat.ts';
import {careNotes, keepCareNotes} from '../engine/care-notes.ts';
import {capture, type CaptureOptions, type CaptureResult} from '../engine/capture.ts';
import {drift} from '../engine/drift.ts';
import {drill} from '../engine/drill.ts';
import {heard, note} from '../engine/heard.ts';
import type {EngineOptions} from '../engine/options.ts';
import {poll} from '../engine/poll.ts';
import {reload, reloaded} from '../engine/reload.ts';
import {replicate} from '../engine/replicate.ts';
import {unmute} from '../engine/unmute.ts';
import {Watch} from '../engine/watch.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {PrimaryEngine, ReplicaEngine, Tending} from './cycle.ts';
import type {ReloadEngine} from './reload/reloader.ts';

export function primaryEngine(options: EngineOptions): PrimaryEngine & Tending {
  const watch = new Watch(options);
  return {
    look: (signal) => watch.look(signal),
    capture: async (signal) => {
      const result = await captureAloud({...options, signal, becomesPrimary: true});
      watch.captured(result.snapshot);
      return result;
    },
    beat: (signal) => beat({...options, signal}),
    ...tending(options),
    close: () => watch.close(),
  };
}

/** A muted replica that becomes the primary takes its alerts back first. */
async function captureAloud(options: CaptureOptions): Promise<CaptureResult> {
  try {
    return await capture(options);
  } catch (error) {
    if (!isEngineError(error, 'MUTED')) throw error;
    const {unmuted} = await unmute(options);
    if (!unmuted) throw error;
    options.log.info('alerts are back: this instance is the primary now');
    return capture(options);
  }
}

/** A plan that would hold the write lock for longer than it may is held, as nobody is there to read a warning. */
export function replicaEngine(options: EngineOptions): ReplicaEngine & Tending & ReloadEngine {
  let repair = options.repairsAtStart === true;
  return {
    poll: (signal) => poll({...options, signal}),
    replicate: async (signal) => {
      const result = await replicate({...options, signal, holdLongLocks: true, repair});
      repair = false;
      return result;
    },
    drift: async (signal) => (await drift({...options, signal})).rows,
    ...tending(options),
    heard: () => heard(options),
    note: (news) => note(options, news),
    reload: (request, signal) => reload({...options, signal}, request),
    reloaded: (through) => reloaded(options, through),
    close: async () => {},
  };
}

function tending(options: EngineOptions): Tending {
  return {
    drill: (signal) => drill({...options, signal}),
    notes: () => careNotes(options),
    keepNotes: (notes) => keepCareNotes(options, notes),
  };
}
