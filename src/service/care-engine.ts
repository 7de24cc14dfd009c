/** Care for the store as the settings ask for it, done by the engine. */
import type {ServiceSettings} from '../config/service-settings.ts';
import type {EngineOptions} from '../engine/options.ts';
import {checkStore, pruneStore, unlockStore} from '../engine/store-care.ts';
import {RUN_CARE_LIMIT_MIN_MS, RUN_CARE_LIMIT_SHARE} from '../kernel/limits.ts';
import {Care, type CareEngine, type CareOptions} from './care.ts';
import type {Tending} from './cycle.ts';
import {systemClock} from './clock.ts';
import {unlocking, type Unlocking} from './unlocking.ts';

/** Only the primary removes and checks; every instance proves that it could be restored. */
export function careOf(settings: ServiceSettings, options: EngineOptions, tending: Tending): Care {
  const {role, keep, pruneEveryMs, checkEveryMs, drillEveryMs, staleAfterMs} = settings;
  const isPrimary = role === 'primary';
  const given = (ms: number | 'off', isAsked = true): number | undefined =>
    ms === 'off' || !isAsked ? undefined : ms;
  const everyMs: CareOptions['everyMs'] = {
    drill: given(drillEveryMs),
    prune: given(pruneEveryMs, isPrimary && keep !== 'off'),
    check: given(checkEveryMs, isPrimary),
  };
  const engine = careEngine(options, keep === 'off' ? {} : keep, tending);
  const limitMs = Math.max(RUN_CARE_LIMIT_MIN_MS, staleAfterMs * RUN_CARE_LIMIT_SHARE);
  return new Care({engine, clock: systemClock, log: options.log, limitMs, everyMs});
}

export function careEngine(
  options: EngineOptions,
  keep: Parameters<typeof pruneStore>[1]['keep'],
  tending: Tending,
): CareEngine {
  const patiently = unlockingOf(options);
  return {
    prune: (signal, now) => patiently(signal, () => pruneStore({...options, signal}, {keep, now})),
    check: (signal, part) => patiently(signal, () => checkStore({...options, signal}, part)),
    drill: (signal) => tending.drill(signal),
    notes: () => tending.notes(),
    keep: (notes) => tending.keepNotes(notes),
  };
}

export function unlockingOf(options: EngineOptions): Unlocking {
  return unlocking((signal) => unlockStore({...options, signal}), options.log);
}
