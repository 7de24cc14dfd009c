/** Runs one command: signals, progress, output, exit code. */
import pc from 'picocolors';
import {withValuesOfFiles} from '../config/variables.ts';
import {EngineError, isEngineError, type ErrorSite} from '../kernel/errors.ts';
import type {Log, Progress} from '../kernel/log.ts';
import {createLog} from './logger.ts';
import {progressLine, say, sayAside} from './terminal.ts';

/** `--exit-code` was given and there are differences, or `verify` found some. */
export const EXIT_DIFFERENT = 4;
const EXIT_INTERRUPTED = 130;

export type CommandContext = {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly progress: Progress;
  readonly signal: AbortSignal;
};

export type Outcome = {readonly json: unknown; readonly text: string; readonly exitCode: number};

type RunFlags = {
  readonly json?: boolean;
  /** What is logged where ROWPLICA_LOG does not say. */
  readonly logLevel?: 'info';
  /** An application runs below, that has to be ended first: SIGHUP is for that alone, and no second signal ends this process at once. */
  readonly hasApplication?: boolean;
};

export async function run(
  {json = false, logLevel, hasApplication = false}: RunFlags,
  work: (context: CommandContext) => Promise<Outcome>,
): Promise<number> {
  const line = progressLine(json);
  const interrupt = interruptible(hasApplication);
  try {
    const env = withValuesOfFiles(process.env, ['ROWPLICA_LOG', 'ROWPLICA_RESTIC']);
    const log = createLog(env, logLevel);
    const outcome = await work({
      env,
      log,
      progress: line.progress,
      signal: interrupt.signal,
    });
    line.stop();
    say(json ? JSON.stringify(outcome.json) : outcome.text);
    return outcome.exitCode;
  } catch (error) {
    line.stop();
    return failed(interrupt.signal.aborted ? interrupted(error) : error, json);
  } finally {
    interrupt.dispose();
  }
}

type Interrupt = {readonly signal: AbortSignal; readonly dispose: () => void};

/** The first signal ends the work in an orderly way, the second at once. A terminal that closes may send SIGHUP twice. */
function interruptible(hasApplication: boolean): Interrupt {
  const signals = hasApplication ? (['SIGINT', 'SIGTERM'] as const) : SIGNALS;
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    const isAgain = controller.signal.aborted && signal !== 'SIGHUP';
    if (isAgain && !hasApplication) process.exit(EXIT_INTERRUPTED);
    controller.abort();
  };
  for (const signal of signals) process.on(signal, onSignal);
  const dispose = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  return {signal: controller.signal, dispose};
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function interrupted(cause: unknown): EngineError {
  const message = isEngineError(cause, 'INTERRUPTED') ? cause.message : 'interrupted';
  return new EngineError('INTERRUPTED', message, {
    hint: 'Nothing was left half done; run it again.',
    cause,
  });
}

/** Tells what failed, on stdout for scripts and on stderr for people, and gives the exit code. */
export function failed(error: unknown, json: boolean): number {
  if (!(error instanceof EngineError)) return unexpected(error, json);
  const {code, message, hint, site} = error;
  if (json) say(JSON.stringify({error: {code, message, hint: hint ?? null, site: known(site)}}));
  else
    sayAside(
      `${pc.red('error:')} ${message}${hint === undefined ? '' : `\n${pc.dim('what to do:')} ${hint}`}`,
    );
  return error.exitCode;
}

function known(site: ErrorSite): Record<string, string> {
  return Object.fromEntries(
    Object.entries(site).filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
}

/** A fault of our own: the place in the code helps, the text of the error might hold a value. */
function unexpected(error: unknown, json: boolean): number {
  const place =
    error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 6).join('\n') : '';
  const name = error instanceof Error ? error.name : typeof error;
  const message = 'something unexpected went wrong; this is a fault of Rowplica';
  if (json)
    say(
      JSON.stringify({error: {code: 'UNEXPECTED', message, hint: 'Please report it.', site: {}}}),
    );
  sayAside(`${pc.red('error:')} ${message} (${name})\n${place}`);
  return 1;
}

/** The outcome of a command that has nothing else to say by its exit code. */
export function done<T>(result: T, text: (result: T) => string): Outcome {
  return {json: result, text: text(result), exitCode: 0};
}
