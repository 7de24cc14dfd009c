/** Where arm64 programs are, and how they are run on x86-64. `scripts/setup-arm64.mjs` puts them there. */
import {spawnSync} from 'node:child_process';
import {accessSync, constants, existsSync, readFileSync} from 'node:fs';
import {delimiter, join, resolve} from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'node_modules/.arm64');
const shellRoot = join(folder, 'sqlite3');
/** Of Debian's cross packages: the C and C++ libraries. */
const libraries = '/usr/aarch64-linux-gnu';

export type Command = {readonly file: string; readonly args: readonly string[]};

/** Arm64's Node; undefined where that is not installed. */
export function emulatedNode(): Command | undefined {
  const [qemu, node] = [onPath('qemu-aarch64-static'), join(folder, 'node')];
  const there = existsSync(node) && existsSync(join(libraries, 'lib/libstdc++.so.6'));
  return qemu !== undefined && there ? {file: qemu, args: ['-L', libraries, node]} : undefined;
}

/** Debian's arm64 `sqlite3`; empty where that is not installed. */
export function emulatedShell(): readonly Command[] {
  const [qemu, shell] = [onPath('qemu-aarch64-static'), join(shellRoot, 'usr/bin/sqlite3')];
  if (qemu === undefined || !existsSync(shell)) return [];
  const own = ['lib', 'usr/lib'].map((name) => join(shellRoot, name, 'aarch64-linux-gnu'));
  const path = `LD_LIBRARY_PATH=${own.join(delimiter)}`;
  return [{file: qemu, args: ['-L', libraries, '-E', path, shell]}];
}

/** True in CI on a machine where the set-up can install the emulator, so that it has to be there. */
export function mustBeHere(): boolean {
  const isX64 = process.platform === 'linux' && process.arch === 'x64';
  return isCi() && isX64 && onPath('apt-get') !== undefined && isAdministrator();
}

function isAdministrator(): boolean {
  return process.getuid?.() === 0 || spawnSync('sudo', ['-n', 'true']).status === 0;
}

export function isCi(): boolean {
  return !['', '0', 'false', undefined].includes(process.env['CI']);
}

/** Other systems with apt keep their arm64 packages where the set-up does not look. */
export function isDebian(): boolean {
  const release = '/etc/os-release';
  return existsSync(release) && /^ID=debian$/m.test(readFileSync(release, 'utf8'));
}

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((entry) => join(entry, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
