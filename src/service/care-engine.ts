/** Care for the store as the settings ask for it, done by the engine. */
import type {ServiceSettings} from '../config/service-settings.ts';
import {careNotes, keepCareNotes} from '../engine/care-notes.ts';
import type {EngineOptions} from '../engine/options.ts';
import {checkStore, pruneStore, unlockStore} from '../engine/store-care.ts';
import {Care, type CareEngine, type CareOptions} from './care.ts';
import type {Drilling} from './cycle.ts';
import {systemClock} from './clock.ts';
import {unlocking, type Unlocking} from './unlocking.ts';

/** Only the primary removes and checks; every instance proves that it could be restored. */
export function careOf(
  settings: ServiceSettings,
  options: EngineOptions,
  drilling: Drilling,
): Care {
  const {role, keep, pruneEveryMs, checkEveryMs, drillEveryMs} = settings;
  const isPrimary = role === 'primary';
  const given = (ms: number | 'off', isAsked = true): number | undefined =>
    ms === 'off' || !isAsked ? undefined : ms;
  const everyMs: CareOptions['everyMs'] = {
    drill: given(drillEveryMs),
    prune: given(pruneEveryMs, isPrimary && keep !== 'off'),
    check: given(checkEveryMs, isPrimary),
  };
  const engine = careEngine(options, keep === 'off' ? {} : keep, drilling);
  return new Care({engine, clock: systemClock, log: options.log, everyMs});
}

export function careEngine(
  options: EngineOptions,
  keep: Parameters<typeof pruneStore>[1]['keep'],
  drilling: Drilling,
): CareEngine {
  const patiently = unlockingOf(options);
  return {
    prune: (signal, now) => patiently(signal, () => pruneStore({...options, signal}, {keep, now})),
    check: (signal, part) => patiently(signal, () => checkStore({...options, signal}, part)),
    drill: (signal) => drilling.drill(signal),
    notes: () => careNotes(options),
    keep: (notes) => keepCareNotes(options, notes),
  };
}

export function unlockingOf(options: EngineOptions): Unlocking {
  return unlocking((signal) => unlockStore({...options, signal}), options.log);
}
