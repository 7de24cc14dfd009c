/** An application that is started, started again when it crashes, and ended: one process group at a time. */
import {EngineError} from '../../kernel/errors.ts';
import type {Log} from '../../kernel/log.ts';
import {
  APPLICATION_PAUSE_MAX_MS,
  APPLICATION_PAUSE_MS,
  APPLICATION_STEADY_MS,
} from '../../kernel/limits.ts';
import {jittered} from '../backoff.ts';
import type {Clock} from '../clock.ts';
import type {ApplicationReport, ApplicationState} from '../source.ts';
import {startGroup, type Exit, type ProcessGroup} from './process-group.ts';
import {becomesReady, starting, type MarkVersion} from './readiness.ts';

export type SupervisorOptions = {
  /** A program and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds that it has to end, once it is asked to. */
  readonly graceMs: number;
  readonly mark: MarkVersion;
  /** Told each time it is ready. */
  readonly onReady: () => void;
  readonly clock: Clock;
  readonly log: Log;
};

export class Supervisor {
  readonly #options: SupervisorOptions;
  #state: ApplicationState = 'starting';
  #notReady: EngineError = starting('it is starting');
  #group: ProcessGroup | undefined;
  #startedMs = 0;
  #lastExit: ApplicationReport['lastExit'] = null;
  #restarts = 0;
  #crashesInRow = 0;
  #isStopping = false;
  /** A restart that was asked for: settled once it runs again, or never will. */
  #restart: PromiseWithResolvers<boolean> | undefined;
  /** Ends a pause before the next start. */
  #wake = new AbortController();
  /** Fires when the process that runs now ends. */
  #life = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** @throws {EngineError} `COMMAND_NOT_FOUND`, `COMMAND_UNUSABLE`. */
  async start(): Promise<void> {
    await this.#launch();
  }

  /** Keeps what was started running until the signal fires, or it ends by itself with 0. Gives how it ended at last. */
  async run(signal: AbortSignal): Promise<Exit> {
    const stop = (): void => {
      if (!this.#isStopping) this.stop('SIGTERM');
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      for (;;) {
        const exit = await this.#attend();
        if (!(await this.#goesOn(exit))) return exit;
        await this.#launch().catch((error: unknown) => this.#notStarted(error));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#state = 'ended';
      this.#restart?.resolve(false);
    }
  }

  /** Asks it to end, and starts it no more. Asked again, it gets that signal too, and no more time. */
  stop(signal: NodeJS.Signals): void {
    this.#isStopping = true;
    this.#wake.abort();
    void this.#group?.end(signal, this.#options.graceMs);
  }

  /** Passes a signal on to the program itself. */
  pass(signal: NodeJS.Signals): void {
    this.#group?.signal(signal);
  }

  /**
   * Asks it to end, and starts it again at once; that counts as no crash. Where it waits to be started, that is now. True once it runs
   * again, false where it will not.
   */
  async restart(): Promise<boolean> {
    if (this.#isStopping || this.#state === 'ended') return false;
    const restart = (this.#restart ??= Promise.withResolvers<boolean>());
    this.#wake.abort();
    void this.#group?.end('SIGTERM', this.#options.graceMs);
    return restart.promise;
  }

  /** Why nothing should be replicated now; undefined where it may be, also while the application is down: nobody writes then. */
  get whyNot(): EngineError | undefined {
    return this.#state === 'starting' ? this.#notReady : undefined;
  }

  report(): ApplicationReport {
    const pid = this.#group?.pid ?? null;
    return {state: this.#state, pid, restarts: this.#restarts, lastExit: this.#lastExit};
  }

  async #launch(): Promise<void> {
    const {command, env, graceMs, clock, log} = this.#options;
    this.#state = 'starting';
    this.#notReady = starting('it is starting');
    this.#startedMs = clock.monotonic();
    this.#group = await startGroup(command, env);
    log.info('application started', {pid: this.#group.pid});
    this.#restart?.resolve(true);
    this.#restart = undefined;
    if (this.#isStopping) void this.#group.end('SIGTERM', graceMs); // asked for while it was being started
    this.#life = new AbortController();
    void this.#awaitReady(this.#life.signal);
  }

  async #awaitReady(signal: AbortSignal): Promise<void> {
    const {mark, clock, log, onReady} = this.#options;
    const onWaiting = (reason: EngineError): void => {
      this.#notReady = reason;
    };
    if (!(await becomesReady({mark, clock, onWaiting}, signal))) return;
    this.#state = 'ready';
    log.info('application ready');
    onReady();
  }

  /** Until it has ended, and all that it started with it. */
  async #attend(): Promise<Exit> {
    const group = this.#group;
    if (group === undefined) return {code: this.#lastExit?.code ?? null, signal: null};
    const exit = await group.exited;
    this.#life.abort();
    this.#ended(exit);
    await group.endRest(this.#options.graceMs);
    this.#group = undefined;
    return exit;
  }

  #ended(exit: Exit): void {
    const {clock, log} = this.#options;
    this.#lastExit = {...exit, at: clock.wall().toISOString()};
    const isRestart = this.#restart !== undefined && !this.#isStopping;
    const isOver = this.#isStopping || (exit.code === 0 && !isRestart);
    this.#state = isOver ? 'ended' : 'restarting';
    const told = {code: exit.code ?? undefined, signal: exit.signal ?? undefined};
    if (isOver || isRestart) log.info('application ended', told);
    else log.warn('application ended', told);
  }

  /** A start that failed, where one succeeded before, is a crash like any other. */
  #notStarted(error: unknown): void {
    if (!(error instanceof EngineError)) throw error;
    this.#options.log.warn(error.message, {code: error.code, hint: error.hint});
    this.#restart?.resolve(false);
    this.#restart = undefined;
    this.#ended({code: error.exitCode, signal: null});
  }

  /** Waits as long as it has to before the next start. False where there is none. */
  async #goesOn({code}: Exit): Promise<boolean> {
    const {clock, log} = this.#options;
    if (this.#isStopping) return false;
    if (this.#restart !== undefined) return true;
    if (code === 0) return false;
    const isSteady = clock.monotonic() - this.#startedMs >= APPLICATION_STEADY_MS;
    const pauseMs = pauseBeforeStart(isSteady ? 0 : this.#crashesInRow, clock.random());
    this.#crashesInRow = isSteady ? 1 : this.#crashesInRow + 1;
    log.info('application starts again', {inSeconds: Math.round(pauseMs / 100) / 10});
    this.#wake = new AbortController();
    await clock.sleep(pauseMs, this.#wake.signal);
    if (this.#isStopping) return false;
    this.#restarts++;
    return true;
  }
}

/** Milliseconds, doubled with each crash in a row before this one. @param random At least 0, below 1. */
export function pauseBeforeStart(crashesBefore: number, random: number): number {
  const doubled = APPLICATION_PAUSE_MS * 2 ** Math.min(crashesBefore, 30);
  return jittered(Math.min(doubled, APPLICATION_PAUSE_MAX_MS), random);
}
