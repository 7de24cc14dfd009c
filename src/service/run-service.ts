/** A whole service, from its settings to its end. */
import {hostname} from 'node:os';
import type {ServiceSettings} from '../config/service-settings.ts';
import {history} from '../engine/history.ts';
import type {EngineOptions} from '../engine/options.ts';
import {withServiceLock} from '../engine/service-lock.ts';
import {snapshots} from '../engine/status.ts';
import {systemClock} from './clock.ts';
import type {RoleCycle} from './cycle.ts';
import {primaryThread, replicaThread} from './engine-thread.ts';
import type {Speaker} from './notices.ts';
import {Notifier} from './notify.ts';
import {Primary} from './primary.ts';
import {Replica} from './replica.ts';
import {Service} from './service.ts';
import {sharedCall} from './shared-call.ts';
import type {ServeOptions, ServiceSource, Serving} from './source.ts';
import {Watcher} from './watcher.ts';

export type RunOptions = {
  readonly settings: ServiceSettings;
  readonly engine: EngineOptions;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Answers over HTTP, unless the settings say `off`. */
  readonly serve: (options: ServeOptions) => Promise<Serving>;
  /** Told once it runs: what has it look at once, however long the pause would be. */
  readonly onStarted?: (trigger: () => void) => void;
};

/**
 * Runs until the signal fires; then it has finished, or rolled back, what was under way.
 *
 * @throws {EngineError} `STATE_IN_USE` where another service looks after this database, `CONFIG_INVALID` where the address for HTTP cannot
 * be had.
 */
export async function runService(options: RunOptions): Promise<void> {
  const {settings, engine, signal, onStarted} = options;
  const {role, intervalMs, staleAfterMs, driftEveryMs, receivers, warnings} = settings;
  const {log} = engine;
  await withServiceLock(engine, async () => {
    for (const warning of warnings) log.warn(warning);
    log.info('started', {role, intervalMs, staleAfterMs, driftEveryMs});
    const cycle = cycleOf(settings, engine);
    const notifier = new Notifier(receivers, log);
    const watcher = new Watcher(speakerOf(options), (notice) => notifier.tell(notice));
    const service = new Service({
      role,
      cycle,
      intervalMs,
      staleAfterMs,
      clock: systemClock,
      log,
      onCycle: (report) => watcher.sees(report),
    });
    const serving = await served(options, service, notifier);
    watcher.start(() => service.verdict());
    onStarted?.(() => service.trigger());
    try {
      await service.run(signal);
    } finally {
      watcher.stop();
      await Promise.all([serving?.close(), notifier.close()]);
    }
    log.info('stopped', {role});
  });
}

function speakerOf({settings, engine}: RunOptions): Speaker {
  return {role: settings.role, host: hostname(), database: engine.database};
}

async function served(
  options: RunOptions,
  service: Service,
  notifier: Notifier,
): Promise<Serving | undefined> {
  const {settings, engine, serve} = options;
  const {http, token} = settings;
  if (http === 'off') return undefined;
  const {log} = engine;
  const serving = await serve({at: http, token, source: sourceOf(options, service, notifier), log});
  log.info('listening', {http: serving.address});
  return serving;
}

function sourceOf(
  {engine, signal}: RunOptions,
  service: Service,
  notifier: Notifier,
): ServiceSource {
  const list = sharedCall(() => snapshots({...engine, signal}));
  return {
    status: () => service.status(),
    measures: () => ({...service.measures(), notices: notifier.counts}),
    trigger: () => service.trigger(),
    snapshots: list,
    history: (request) => history({...engine, signal}, request),
  };
}

function cycleOf(
  {role, intervalMs, driftEveryMs, staleAfterMs}: ServiceSettings,
  options: EngineOptions,
): RoleCycle {
  const clock = systemClock;
  if (role === 'primary') return new Primary({engine: primaryThread(options), clock, staleAfterMs});
  return new Replica({
    engine: replicaThread(options),
    clock,
    intervalMs,
    driftEveryMs: driftEveryMs === 'off' ? undefined : driftEveryMs,
    staleAfterMs,
  });
}
