// Databases made by real releases of Uptime Kuma, if there are any at hand.

import {chmodSync, constants, copyFileSync, existsSync, statSync} from 'node:fs';
import {basename, join, resolve} from 'node:path';

/**
 * The folder that holds `1.18.5`, `1.23.17` and `2.5.3`: the one (or its subfolder `uptime-kuma`)
 * that the environment variable ROWPLICA_FIXTURES names, else `shared/fixtures/uptime-kuma` beside
 * the project. Without either, undefined.
 */
export function fixturesRoot(): string | undefined {
  const named = process.env['ROWPLICA_FIXTURES'];
  if (named !== undefined && named !== '') {
    const inner = join(named, 'uptime-kuma');
    return resolve(existsSync(inner) ? inner : named);
  }
  const beside = resolve(import.meta.dirname, '../../../shared/fixtures/uptime-kuma');
  return existsSync(beside) ? beside : undefined;
}

/**
 * Copies a fixture, such as `2.5.3/kuma.db`, into a folder, or to the path of a file that is not
 * there yet, and returns the path of the writable copy.
 */
export function copyFixture(relative: string, into: string): string {
  const root = fixturesRoot();
  if (root === undefined) throw new Error('There are no fixtures');
  const isFolder = statSync(into, {throwIfNoEntry: false})?.isDirectory() === true;
  const target = isFolder ? join(into, basename(relative)) : into;
  copyFileSync(join(root, relative), target, constants.COPYFILE_EXCL);
  chmodSync(target, 0o600);
  return target;
}
