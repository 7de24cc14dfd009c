/** A command of the user's own that has the application take notice. */
import {setTimeout as pause} from 'node:timers/promises';
import {RELOAD_COMMAND_MS} from '../../kernel/limits.ts';
import {withoutOurs} from '../application/environment.ts';
import {exitCodeOf, startGroup} from '../application/process-group.ts';

export type CommandOptions = {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Tables that were written: names, never values. */
  readonly tables: readonly string[];
  /** Milliseconds that it has to end, once it is asked to. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
};

/** Runs it without a shell. Undefined where it ended well, else what went wrong. @throws {EngineError} where it cannot be started. */
export async function runCommand(options: CommandOptions): Promise<string | undefined> {
  const {command, env, tables, graceMs, signal} = options;
  const names = {ROWPLICA_RELOAD_TABLES: tables.join(',')};
  const group = await startGroup(command, {...withoutOurs(env), ...names});
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const late = pause(RELOAD_COMMAND_MS, 'late' as const, {signal: either}).catch(
    () => 'late' as const, // told to end, or ended
  );
  const exit = await Promise.race([group.exited, late]);
  over.abort();
  await group.endRest(graceMs);
  if (exit === 'late') return `the command took longer than ${RELOAD_COMMAND_MS / 1000} s`;
  const code = exitCodeOf(exit);
  return code === 0 ? undefined : `the command ended with ${code}`;
}
