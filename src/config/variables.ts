/** Variables of the environment, each of which may also be given as a file: `NAME_FILE` is the path of one that holds the value. */
import {EngineError} from '../kernel/errors.ts';
import {VARIABLE_FILE_BYTES_MAX} from '../kernel/limits.ts';
import {readText} from './read-file.ts';

export type Variable = {
  /** `NAME` or `NAME_FILE`. */
  readonly name: string;
  readonly value: string;
};

/**
 * An empty variable counts as none, as container files often leave them.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming the variable, where it is given twice, or its file does not serve.
 */
export function variableOf(env: NodeJS.ProcessEnv, name: string): Variable | undefined {
  const value = env[name] || undefined;
  const path = env[`${name}_FILE`] || undefined;
  if (value !== undefined && path !== undefined) {
    throw new EngineError('CONFIG_INVALID', `${name} and ${name}_FILE are both given`, {
      hint: 'Unset one of them: the value itself, or the path of a file that holds it.',
    });
  }
  if (path !== undefined) return {name: `${name}_FILE`, value: valueOfFile(path, `${name}_FILE`)};
  return value === undefined ? undefined : {name, value};
}

/**
 * The value that a file holds, without the newline at its end. `from` is the variable or flag with its path.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming it, and never the content: it may be a secret.
 */
export function valueOfFile(path: string, from: string): string {
  const read = readText(path, VARIABLE_FILE_BYTES_MAX);
  if ('why' in read) throw unfit(path, from, read.why, read.cause);
  const value = read.text.replace(/\r?\n$/, '');
  if (value === '') throw unfit(path, from, 'it is empty');
  if (/[\r\n]/.test(value)) throw unfit(path, from, 'it has more than one line');
  return value;
}

function unfit(path: string, from: string, why: string, cause?: unknown): EngineError {
  return new EngineError('CONFIG_INVALID', `${from} ${path}: ${why}`, {
    site: {path},
    hint: 'Name a file that holds the value alone, in one line.',
    cause,
  });
}

/** The environment, in which the values of these variables stand in place of the files that hold them. */
export function withValuesOfFiles(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
): NodeJS.ProcessEnv {
  const values = names.flatMap((name) => {
    const variable = variableOf(env, name);
    return variable === undefined ? [] : [[name, variable.value] as const];
  });
  return {...env, ...Object.fromEntries(values)};
}
