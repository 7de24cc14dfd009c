/** What a person at a terminal sees: colours where there are any, progress of long work on stderr. */
import {grouped} from '../kernel/counted.ts';
import type {Ora} from 'ora';
import {EXIT_CODES} from '../kernel/errors.ts';
import {PROGRESS_AFTER_MS} from '../kernel/limits.ts';
import {noProgress, type Progress} from '../kernel/log.ts';

export type ProgressLine = {readonly progress: Progress; readonly stop: () => void};

/** Shows what goes on once it takes more than a second; nothing where stderr is not a terminal. */
export function progressLine(quiet: boolean): ProgressLine {
  if (quiet || !process.stderr.isTTY) return {progress: noProgress, stop: () => {}};
  const begun = performance.now();
  let [text, isOver] = ['', false];
  let spinner: Ora | undefined;
  let loading: Promise<void> | undefined;
  const load = async (): Promise<void> => {
    const {default: ora} = await import('ora'); // most commands are done before it would be there
    if (!isOver) spinner = ora({text, stream: process.stderr, discardStdin: false}).start();
  };
  const progress: Progress = (step, done, total) => {
    text = `${step}${countOf(done, total)}`;
    if (spinner !== undefined) spinner.text = text;
    else if (performance.now() - begun > PROGRESS_AFTER_MS) loading ??= load().catch(() => {}); // the work goes on without
  };
  const stop = (): void => {
    isOver = true;
    spinner?.stop();
  };
  return {progress, stop};
}

function countOf(done: number, total: number): string {
  if (done === 0) return '';
  return ` ${grouped(done)}${total === 0 ? '' : ` of ${grouped(total)}`}`;
}

/**
 * Output that nobody takes is no fault: what was done is done, and the exit code tells it. A result that could not be
 * written, to a full disk for example, is one.
 */
export function tolerateLostOutput(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    sayAside(
      `error: the result cannot be written to stdout: ${error.message}\nwhat to do: give it another place; what the command did is done.`,
    );
    process.once('exit', (code) => {
      if (code === 0) process.exitCode = EXIT_CODES.UNEXPECTED;
    });
  });
}

export function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : text + '\n');
}

export function sayAside(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : text + '\n');
}
