/** A whole service, from its settings to its end. */
import type {ServiceSettings} from '../config/service-settings.ts';
import type {EngineOptions} from '../engine/options.ts';
import {withServiceLock} from '../engine/service-lock.ts';
import {systemClock} from './clock.ts';
import type {RoleCycle} from './cycle.ts';
import {primaryEngine, replicaEngine} from './engines.ts';
import {Primary} from './primary.ts';
import {Replica} from './replica.ts';
import {Service} from './service.ts';

export type RunOptions = {
  readonly settings: ServiceSettings;
  readonly engine: EngineOptions;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told once it runs: what has it look at once, however long the pause would be. */
  readonly onStarted?: (trigger: () => void) => void;
};

/**
 * Runs until the signal fires; then it has finished, or rolled back, what was under way.
 *
 * @throws {EngineError} `STATE_IN_USE` where another service looks after this database.
 */
export async function runService({settings, engine, signal, onStarted}: RunOptions): Promise<void> {
  const {role, intervalMs, staleAfterMs, driftEveryMs, warnings} = settings;
  const {log} = engine;
  await withServiceLock(engine, async () => {
    for (const warning of warnings) log.warn(warning);
    log.info('started', {role, intervalMs, staleAfterMs, driftEveryMs});
    const cycle = cycleOf(settings, engine);
    const service = new Service({role, cycle, intervalMs, staleAfterMs, clock: systemClock, log});
    onStarted?.(() => service.trigger());
    await service.run(signal);
    log.info('stopped', {role});
  });
}

function cycleOf(
  {role, intervalMs, driftEveryMs, staleAfterMs}: ServiceSettings,
  options: EngineOptions,
): RoleCycle {
  const clock = systemClock;
  if (role === 'primary') return new Primary({engine: primaryEngine(options), clock, staleAfterMs});
  return new Replica({
    engine: replicaEngine(options),
    clock,
    intervalMs,
    driftEveryMs: driftEveryMs === 'off' ? undefined : driftEveryMs,
    staleAfterMs,
  });
}
