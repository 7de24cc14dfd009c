/** What every refusal has in common. */
import {existsSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'vitest';
import type {Instance, Refusal} from '../helpers/cli.ts';
import {dumpTables, fileDigests} from '../helpers/typed-dump.ts';

export type Expected = {
  readonly exitCode: number;
  readonly code: string;
  readonly told: RegExp;
};

/** One clear line, and a sentence that says what to do. */
export function expectRefusal(refused: Refusal, {exitCode, code, told}: Expected): void {
  const {message, hint} = refused;
  expect({exitCode: refused.exitCode, code: refused.code, message}).toEqual({
    exitCode,
    code,
    message: expect.stringMatching(told),
  });
  expect(message).not.toContain('\n');
  expect(hint, `a hint beside: ${message}`).toMatch(/^\S.*\S$/);
}

/** The command refuses as expected, and neither the database nor the store is any different for it. */
export async function expectUntouched(
  instance: Instance,
  [command, ...args]: readonly [string, ...string[]],
  expected: Expected,
): Promise<Refusal> {
  const {database, store} = instance;
  const look = () => [fileDigests(database), dumpTables(database), listing(pathOf(store))];
  const before = look();
  const refused = await instance.refused(command, ...args);
  expectRefusal(refused, expected);
  expect(look()).toEqual(before);
  return refused;
}

/** All files under a folder; none where it is not there. */
export function listing(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, {recursive: true, withFileTypes: true});
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export function pathOf(store: string): string {
  return store.slice(store.indexOf(':') + 1);
}
