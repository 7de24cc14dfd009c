/** A whole service, from its settings to its end. */
import {hostname} from 'node:os';
import type {ReloadSettings, ServiceSettings} from '../config/service-settings.ts';
import {refuseForeignWriter} from '../engine/foreign-writer.ts';
import {history} from '../engine/history.ts';
import type {EngineOptions} from '../engine/options.ts';
import {withServiceLock} from '../engine/service-lock.ts';
import {snapshots} from '../engine/status.ts';
import {versionMark} from '../engine/settled-version.ts';
import {isEngineError} from '../kernel/errors.ts';
import {profilesMeant} from '../profiles/find-profile.ts';
import {withoutOurs, withScripts} from './application/environment.ts';
import {Gated} from './application/gated.ts';
import type {Exit} from './application/process-group.ts';
import {runBeside} from './application/run-beside.ts';
import {Supervisor} from './application/supervisor.ts';
import {systemClock} from './clock.ts';
import type {RoleCycle} from './cycle.ts';
import type {Care} from './care.ts';
import {careOf, unlockingOf} from './care-engine.ts';
import {primaryThread, replicaThread} from './engine-thread.ts';
import type {Speaker} from './notices.ts';
import {Notifier} from './notify.ts';
import {Primary} from './primary.ts';
import {runCommand} from './reload/command.ts';
import {Reloader, type ReloadEngine} from './reload/reloader.ts';
import {Reloading} from './reload/reloading.ts';
import {isDown, RestartWatch} from './reload/restart-watch.ts';
import {Replica} from './replica.ts';
import {Service} from './service.ts';
import {sharedCall} from './shared-call.ts';
import {SoleWriter} from './sole-writer.ts';
import type {ServeOptions, ServiceSource, Serving} from './source.ts';
import {unlockingPrimary, unlockingReplica} from './unlocking.ts';
import {Watcher} from './watcher.ts';

export type RunOptions = {
  readonly settings: ServiceSettings;
  readonly engine: EngineOptions;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The application to start beside it: a program and its arguments. Where it ends by itself with 0, so does the service. */
  readonly command?: readonly string[] | undefined;
  /** Answers over HTTP, unless the settings say `off`. */
  readonly serve: (options: ServeOptions) => Promise<Serving>;
  /** Told once it runs: what has it look at once, however long the pause would be. */
  readonly onStarted?: (trigger: () => void) => void;
};

/**
 * Runs until the signal fires; then it has finished, or rolled back, what was under way. Gives how the application ended, where one was
 * started.
 *
 * @throws {EngineError} `STATE_IN_USE` where another service looks after this database, `CONFIG_INVALID` where the address for HTTP cannot
 * be had, `COMMAND_NOT_FOUND`, `COMMAND_UNUSABLE` where the application cannot be started.
 */
export async function runService(options: RunOptions): Promise<Exit | undefined> {
  const {settings, engine, signal, onStarted} = options;
  const {role, intervalMs, staleAfterMs, driftEveryMs, receivers, warnings} = settings;
  const {isGuess, repairsAtStart} = settings;
  const {log} = engine;
  return withServiceLock(engine, async () => {
    for (const warning of warnings) log.warn(warning);
    if (settings.namesHost && options.command === undefined) log.warn(NOT_STARTED_HERE);
    log.info('started', {role, intervalMs, staleAfterMs, driftEveryMs});
    const notifier = new Notifier(receivers, log);
    const watcher = new Watcher(speakerOf(options), (notice) => notifier.tell(notice));
    const supervisor = supervisorOf(options, () => service.trigger());
    const work = workOf(settings, {...engine, isGuess, repairsAtStart});
    const reloader = work.reload && reloaderOf(options, work.reload, supervisor);
    const again = (): void => service.trigger();
    const told = {cycle: work.cycle, clock: systemClock, log, again};
    const cycle = reloader === undefined ? work.cycle : new Reloading({...told, reloader});
    const service = new Service({
      role,
      cycle: supervisor ? new Gated(cycle, () => supervisor.whyNot) : cycle,
      intervalMs,
      staleAfterMs,
      clock: systemClock,
      log,
      care: work.care,
      onCycle: (report) => watcher.sees(report),
    });
    const serving = await served(options, {service, supervisor, notifier, reloader});
    watcher.start(() => service.verdict());
    onStarted?.(() => service.trigger());
    let exit: Exit | undefined;
    try {
      if (supervisor === undefined || signal.aborted) await service.run(signal);
      else exit = await runBeside({supervisor, service, log}, signal);
    } finally {
      watcher.stop();
      await Promise.all([serving?.close(), notifier.close()]);
    }
    log.info('stopped', {role});
    return exit;
  });
}

const NOT_STARTED_HERE =
  'alerts.hostname says nothing here: only an application that the service starts (rowplica run -- COMMAND) can be had to name its machine.';

function speakerOf({settings, engine}: RunOptions): Speaker {
  const host = engine.env['HOSTNAME'] || hostname();
  return {role: settings.role, host, database: engine.database};
}

function supervisorOf(
  {settings, engine, command}: RunOptions,
  onReady: () => void,
): Supervisor | undefined {
  if (command === undefined) return undefined;
  const {env, log} = engine;
  return new Supervisor({
    command,
    env: withScripts(withoutOurs(env), settings.namesHost ? namingScripts(engine) : []),
    graceMs: settings.stopTimeoutMs,
    mark: (signal) => versionMark({...engine, signal}),
    onReady,
    clock: systemClock,
    log,
  });
}

/** Before the application has made its database, nobody can say which one it is; to any other these scripts mean nothing. */
function namingScripts({profile}: EngineOptions): readonly URL[] {
  return profilesMeant(profile).flatMap(({nameHost}) => nameHost ?? []);
}

type Running = {
  readonly service: Service;
  readonly supervisor: Supervisor | undefined;
  readonly notifier: Notifier;
  readonly reloader: Reloader | undefined;
};

async function served(options: RunOptions, running: Running): Promise<Serving | undefined> {
  const {settings, engine, serve} = options;
  const {http, token, isHttpOptional} = settings;
  if (http === 'off') return undefined;
  const {log} = engine;
  try {
    const serving = await serve({at: http, token, source: sourceOf(options, running), log});
    log.info('listening', {http: serving.address});
    return serving;
  } catch (error) {
    if (!isHttpOptional || !isEngineError(error, 'CONFIG_INVALID')) throw error;
    log.warn(`it answers nobody: ${error.message}`, {hint: error.hint});
    return undefined;
  }
}

function sourceOf(
  {settings, engine, signal}: RunOptions,
  {service, supervisor, notifier, reloader}: Running,
): ServiceSource {
  const list = sharedCall(() => snapshots({...engine, signal}));
  return {
    status: () => ({
      ...service.status(),
      application: supervisor?.report() ?? null,
      reload: reloader?.report ?? null,
      muted: engine.muted === true && settings.role === 'replica',
    }),
    measures: () => ({
      ...service.measures(),
      notices: notifier.counts,
      reloads: {runs: reloader?.runs ?? [], seconds: reloader?.seconds ?? 0},
    }),
    trigger: () => service.trigger(),
    snapshots: list,
    history: (request) => history({...engine, signal}, request),
  };
}

function reloaderOf(
  {settings, engine}: RunOptions,
  thread: ReloadEngine,
  supervisor: Supervisor | undefined,
): Reloader {
  const {reload, stopTimeoutMs: graceMs} = settings;
  const {env, log} = engine;
  return new Reloader({
    engine: thread,
    settings: reload,
    application: supervisor && {
      report: () => supervisor.report(),
      restart: async () => supervisor.restart(),
    },
    command: async (tables, signal) =>
      runCommand({command: reload.command ?? [], env, tables, graceMs, signal}),
    watch: supervisor === undefined ? restartWatchOf(reload, engine) : undefined,
    clock: systemClock,
    log,
  });
}

function restartWatchOf(
  {url}: ReloadSettings,
  {profile, env}: EngineOptions,
): RestartWatch | undefined {
  const [known] = profilesMeant(profile).flatMap(({reload}) => reload?.url(env) ?? []);
  const at = url ?? known;
  return at === undefined
    ? undefined
    : new RestartWatch((signal) => isDown(at, signal), systemClock);
}

/** What reads rows runs in one thread of its own, which ends with the cycle. */
function workOf(
  settings: ServiceSettings,
  options: EngineOptions,
): {
  readonly cycle: RoleCycle;
  readonly care: Care;
  /** Of a replica. */
  readonly reload?: ReloadEngine;
} {
  const {role, intervalMs, driftEveryMs, staleAfterMs} = settings;
  const clock = systemClock;
  const patiently = unlockingOf(options);
  if (role === 'primary') {
    const thread = primaryThread(options);
    const engine = unlockingPrimary(thread, patiently);
    const cycle = alone(settings, options, new Primary({engine, clock, staleAfterMs}));
    return {cycle, care: careOf(settings, options, thread)};
  }
  const thread = replicaThread(options);
  const cycle = new Replica({
    engine: unlockingReplica(thread, patiently),
    clock,
    intervalMs,
    driftEveryMs: driftEveryMs === 'off' ? undefined : driftEveryMs,
    staleAfterMs,
  });
  return {cycle, care: careOf(settings, options, thread), reload: thread};
}

function alone(
  {otherWriter}: ServiceSettings,
  options: EngineOptions,
  cycle: RoleCycle,
): RoleCycle {
  if (otherWriter === undefined) return cycle;
  return new SoleWriter(cycle, (signal) =>
    refuseForeignWriter({...options, signal}, otherWriter, systemClock.wall()),
  );
}
