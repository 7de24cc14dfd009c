// Commands that run at the same moment, again and again, each time a little otherwise; and what came of it.

import {existsSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {pathToFileURL} from 'node:url';
import {Instance, refusal, type CliResult, type InstanceOptions} from './cli.ts';
import {temporaryFolder} from './temp-folder.ts';

const barrierModule = pathToFileURL(join(import.meta.dirname, 'barrier.ts')).href;

export type Contender = InstanceOptions & {
  readonly command: string;
  readonly args?: readonly string[];
  /** Milliseconds after the word until it starts. */
  readonly delay: number;
};

/** Starts all of them, waits until each is loaded, and lets them go. */
export async function atOnce(contenders: readonly Contender[]): Promise<readonly CliResult[]> {
  const barrier = join(temporaryFolder(), 'go');
  const running = contenders.map(({command, args = [], delay, ...options}, at) => {
    const env = {
      ...options.env,
      NODE_OPTIONS: `--import=${barrierModule}`,
      TEST_BARRIER: barrier,
      TEST_NAME: String(at),
      TEST_DELAY: String(delay),
    };
    return new Instance({...options, env}).run(command, '--json', ...args);
  });
  while (!contenders.every((_, at) => existsSync(`${barrier}.${at}`))) await pause(2);
  writeFileSync(barrier, '');
  return Promise.all(running);
}

/** 'done', or the code of what the command says when it refuses. */
export function outcomeOf(result: CliResult): string {
  if (result.exitCode === 0) return 'done';
  const {exitCode, code} = refusal(result);
  return `${exitCode} ${code}`;
}

/** A number below `limit` that differs from round to round and is the same in every run. */
export function jitter(round: number, limit: number): number {
  return (Math.imul(round + 1, 2654435761) % limit) >>> 0;
}

/** How often each outcome was seen. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(outcome: string): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
  }

  get lines(): readonly string[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([outcome, count]) => `${count} × ${outcome}`);
  }
}
