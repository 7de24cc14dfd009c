/** What a person at a terminal sees: colours where there are any, progress of long work on stderr. */
import ora from 'ora';
import {EXIT_CODES} from '../kernel/errors.ts';
import {PROGRESS_AFTER_MS} from '../kernel/limits.ts';
import {noProgress, type Progress} from '../kernel/log.ts';

export type ProgressLine = {readonly progress: Progress; readonly stop: () => void};

/** Shows what goes on once it takes more than a second; nothing where stderr is not a terminal. */
export function progressLine(quiet: boolean): ProgressLine {
  if (quiet || !process.stderr.isTTY) return {progress: noProgress, stop: () => {}};
  const spinner = ora({stream: process.stderr, discardStdin: false});
  const begun = performance.now();
  const progress: Progress = (step, done, total) => {
    const count =
      done === 0
        ? ''
        : ` ${done.toLocaleString('en')}${total === 0 ? '' : ` of ${total.toLocaleString('en')}`}`;
    spinner.text = `${step}${count}`;
    if (!spinner.isSpinning && performance.now() - begun > PROGRESS_AFTER_MS) spinner.start();
  };
  return {progress, stop: () => spinner.stop()};
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
