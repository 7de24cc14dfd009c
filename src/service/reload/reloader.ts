/** Has the application take notice of what was applied, in the first of the ways that works. */
import type {ReloadSettings} from '../../config/service-settings.ts';
import type {ReloadRequest, ReloadResult} from '../../engine/reload.ts';
import type {Log} from '../../kernel/log.ts';
import type {Clock} from '../clock.ts';
import {failureOf} from '../failure.ts';
import type {ApplicationReport, LastReload, ReloadReport, ReloadRuns} from '../source.ts';
import type {RestartWatch} from './restart-watch.ts';

/** What it needs of the engine. */
export type ReloadEngine = {
  reload(request: ReloadRequest, signal: AbortSignal): Promise<ReloadResult>;
  /** The application knows of this apply, or, where it is undefined, of all on record; null: of no more than before, but was restarted. */
  reloaded(through: number | undefined | null): Promise<void>;
};

/** An application that the service starts. */
type Started = {
  readonly report: () => Pick<ApplicationReport, 'state' | 'pid'>;
  /** True once it runs again. */
  readonly restart: () => Promise<boolean>;
};

export type ReloaderOptions = {
  readonly engine: ReloadEngine;
  readonly settings: ReloadSettings;
  /** Undefined where the service starts none. */
  readonly application: Started | undefined;
  /** Runs the command of the settings for these tables; gives what went wrong. */
  readonly command: (tables: readonly string[], signal: AbortSignal) => Promise<string | undefined>;
  /** Of an application that somebody else starts, where it is known where it listens. */
  readonly watch: RestartWatch | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

type Strategy = LastReload['strategy'];
type Outcome = LastReload['outcome'];

/** `changed`: something was done, so that the application may have written since. */
export type Reloaded = 'unchanged' | 'changed' | 'failed';

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #runs = new Map<string, ReloadRuns>();
  #last: LastReload | undefined;
  #due: string | undefined;
  #seconds = 0;
  /** Of the application: what was applied before another one is started is known to that. */
  #pid: number | null = null;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** What was applied before the application was started is known to it. Call it before anything is applied. */
  async begin(): Promise<void> {
    const pid = this.#options.application?.report().pid ?? null;
    if (pid === null || pid === this.#pid) return;
    await this.#options.engine.reloaded(undefined);
    [this.#pid, this.#due] = [pid, undefined];
  }

  /** Where a restart was due, and somebody did it. Call it before anything else is applied. */
  async settle(): Promise<void> {
    const {watch, engine, log} = this.#options;
    if (watch?.hasSeen !== true) return;
    await engine.reloaded(null);
    this.#well(false);
    log.info('application was restarted');
  }

  get report(): ReloadReport {
    return {last: this.#last ?? null, restartDue: this.#due ?? null};
  }

  get runs(): readonly ReloadRuns[] {
    return [...this.#runs.values()];
  }

  /** Time spent on it so far. */
  get seconds(): number {
    return this.#seconds;
  }

  async tell(signal: AbortSignal): Promise<Reloaded> {
    const {clock, engine, application} = this.#options;
    const beganMs = clock.monotonic();
    const process = application?.report();
    this.#pid = process?.pid ?? null; // one that was started since `begin` may have read what was there before
    if (process?.state === 'starting') return 'unchanged'; // the next cycle begins when it is ready
    if (process !== undefined && process.state !== 'ready') {
      await engine.reloaded(undefined); // it reads all when it starts
      return 'unchanged';
    }
    const request = this.#request();
    const result = await engine.reload(request, signal);
    const {outcome, calls} = result;
    if (outcome === 'unneeded') return this.#well(Object.keys(calls).length > 0);
    if (outcome === 'told' || outcome === 'absent') {
      this.#note({strategy: 'socket', outcome, calls}, beganMs);
      return this.#well(outcome === 'told');
    }
    if (outcome === 'failed' && request.isTelling)
      this.#note({strategy: 'socket', outcome, calls}, beganMs);
    return this.#otherwise(result, signal);
  }

  #well(isChanged: boolean): Reloaded {
    this.#due = undefined;
    this.#options.watch?.end();
    return isChanged ? 'changed' : 'unchanged';
  }

  #request(): ReloadRequest {
    const {settings, application} = this.#options;
    const {strategies, url, user, password, timeoutMs} = settings;
    return {
      isTelling: strategies?.includes('socket') !== false,
      mayRestart: this.#ways(true).length > 0,
      isRunning: application !== undefined,
      url,
      user,
      password,
      timeoutMs,
    };
  }

  /** Beside the socket. An application that nobody knows is started anew, or told by a command, only where somebody said so. */
  #ways(isKnown: boolean): readonly ('restart' | 'command')[] {
    const {settings, application} = this.#options;
    const {strategies = isKnown ? (['restart', 'command'] as const) : (['command'] as const)} =
      settings;
    return strategies.flatMap((strategy) => {
      if (strategy === 'restart') return application === undefined ? [] : [strategy];
      return strategy === 'command' && settings.command !== undefined ? [strategy] : [];
    });
  }

  async #otherwise(result: ReloadResult, signal: AbortSignal): Promise<Reloaded> {
    const {clock, engine} = this.#options;
    const {outcome, through, tables, reason} = result;
    if (through === null && this.#due !== undefined) return 'unchanged'; // it was said, and is due still
    for (const strategy of this.#ways(outcome !== 'unknown')) {
      const beganMs = clock.monotonic();
      const fault = await this.#try(strategy, tables, signal);
      signal.throwIfAborted();
      this.#note({strategy, outcome: fault === undefined ? 'told' : 'failed', calls: {}}, beganMs);
      if (fault === undefined) {
        await engine.reloaded(through ?? undefined);
        return this.#well(true);
      }
      this.#options.log.warn(`the application could not be told: ${fault}`, {strategy});
    }
    if (outcome === 'unknown') return 'unchanged';
    this.#due = reason ?? 'it could not be told';
    this.#options.watch?.begin(signal);
    this.#note({strategy: 'none', outcome: 'failed', calls: {}}, clock.monotonic());
    return outcome === 'failed' ? 'failed' : 'changed';
  }

  /** Gives what went wrong. */
  async #try(
    strategy: 'restart' | 'command',
    tables: readonly string[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const {application, command} = this.#options;
    if (strategy === 'restart')
      return (await application?.restart()) === true ? undefined : 'it does not start again';
    try {
      return await command(tables, signal);
    } catch (error) {
      return failureOf(error).message;
    }
  }

  #note(
    {strategy, outcome, calls}: Pick<LastReload, 'strategy' | 'outcome' | 'calls'>,
    beganMs: number,
  ): void {
    const {clock, log} = this.#options;
    const seconds = Math.round(clock.monotonic() - beganMs) / 1000;
    const at = clock.wall().toISOString();
    this.#seconds += seconds;
    this.#last = {at, strategy, outcome, seconds, calls};
    this.#count(strategy, outcome);
    const made = Object.entries(calls).map(([name, number]) => `${name} ${number}`);
    log.info('reload', {strategy, outcome, seconds, calls: made.join(', ') || undefined});
  }

  #count(strategy: Strategy, outcome: Outcome): void {
    const name = `${strategy} ${outcome}`;
    const runs = (this.#runs.get(name)?.runs ?? 0) + 1;
    this.#runs.set(name, {strategy, outcome, runs});
  }
}
