// Makes a checkout ready to run: npm packages (with the pinned Node) and restic. Programs that some
// tests go without are installed where that is possible: SQLite's own sqldiff, which `npm run corpus`
// compares with, strace, by which disks fail, and an emulator of arm64, for `npm run test:arm64`:
// `--arm64` tries that again, `--no-arm64` leaves it out.
//
// Plain JavaScript for Node 18 to 26, with no dependencies, because it runs before
// anything is installed. When there is nothing to do it only looks.

import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {delimiter, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {prepareArm64} from './setup-arm64.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.rowplica-setup');
const pinnedNode = join(modules, '.bin', 'node');
const windows = process.platform === 'win32';

/** The oldest Node that runs TypeScript sources as they are. */
const oldestNode = [22, 18];

const nodeHint = 'the pinned Node does not start here: install Node 24 and try again';
const resticHint =
  'restic is needed: Debian/Ubuntu: sudo apt-get install restic; macOS: brew install restic; else https://restic.net';

const extras = [
  {
    name: 'sqldiff',
    purpose: 'npm run corpus',
    packages: {apt: ['sqlite3-tools', 'sqlite3'], apk: ['sqlite-tools', 'sqlite']},
    works: () =>
      run('sqldiff', ['--help']).error === undefined && run('sqlite3', ['--version']).status === 0,
  },
  {
    name: 'strace',
    purpose: 'the tests of failing disks',
    packages: {apt: ['strace'], apk: ['strace']},
    // Where tracing is forbidden it starts, and fails.
    works: () => run('strace', ['-f', '-o', '/dev/null', 'true']).status === 0,
  },
];

main();

function main() {
  const node = preparePackages();
  const restic = prepareRestic();
  prepareExtras();
  prepareEmulator();
  say(`ready (node ${node}, restic ${restic})`);
}

function preparePackages() {
  const wanted = packagesDigest();
  const current = existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === wanted;
  if (!current) installPackages();

  const version = usableNode() ?? installPinnedNode();
  if (!current) writeFileSync(stampFile, `${wanted}\n`);
  return version;
}

/** Everything that decides what `npm ci` would install. */
function packagesDigest() {
  const {dependencies, devDependencies} = JSON.parse(readFileSync(join(root, 'package.json')));
  return createHash('sha256')
    .update(JSON.stringify([process.platform, process.arch, dependencies, devDependencies]))
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function installPackages() {
  // Errors only: the Node that runs the set-up may be older than what the packages
  // ask for, which does not matter because they run on the pinned one.
  const args = ['ci', '--include=dev', '--loglevel=error', '--no-audit', '--no-fund'];
  step('installing packages (npm ci)', () => run('npm', args));
}

/** The version of the Node that npm scripts will use, or undefined when it is absent or too old. */
function usableNode() {
  const {status, stdout} = run(pinnedNode, ['--version']);
  const version = status === 0 ? /^v(\d+)\.(\d+)\.\d+/.exec(stdout) : null;
  return version && isRecent(version) ? version[0].slice(1) : undefined;
}

function isRecent([, major, minor]) {
  return (Number(major) - oldestNode[0] || Number(minor) - oldestNode[1]) >= 0;
}

/** For npm versions or settings that skip the scripts of packages, and systems without a binary. */
function installPinnedNode() {
  const folder = join(modules, 'node');
  const args = ['installArchSpecificPackage'];
  const {ok, output} = tryStep('installing the pinned Node', () => run('node', args, folder));
  if (ok && !existsSync(pinnedNode)) symlinkSync(join('..', 'node', 'bin', 'node'), pinnedNode);
  return usableNode() ?? useSystemNode() ?? fail(nodeHint, output);
}

/** The pinned Node is built for glibc: elsewhere a recent Node of the system stands in for it. */
function useSystemNode() {
  const own = /^v(\d+)\.(\d+)/.exec(process.version);
  if (windows || !isRecent(own)) return undefined;
  const system = realpathSync(process.execPath);
  rmSync(pinnedNode, {force: true});
  symlinkSync(system, pinnedNode);
  say(`the pinned Node does not start on this system, node ${process.version} is used instead`);
  return usableNode();
}

function prepareRestic() {
  return resticVersion() ?? installRestic();
}

function resticVersion() {
  const {status, stdout} = run('restic', ['version']);
  return status === 0 ? /^restic (\S+)/.exec(stdout)?.[1] : undefined;
}

function installRestic() {
  const install = installer(['restic'], ['restic']);
  if (!install) fail(resticHint);
  const {ok, output} = tryStep('installing restic', install);
  const version = ok ? resticVersion() : undefined;
  return version ?? fail(resticHint, output);
}

/** Programs that nothing needs but some tests: their absence is no failure, and they are tried for once. */
function prepareExtras() {
  for (const {name, purpose, packages, works} of extras) {
    const stamp = join(modules, `.rowplica-${name}`);
    if (works() || (existsSync(stamp) && !isCi())) continue;
    const install = installer(packages.apt, packages.apk);
    if (install) tryStep(`installing ${name}, for ${purpose}`, install);
    if (works()) continue;
    writeFileSync(stamp, '');
    say(`there is no ${name}: ${purpose} goes without it`);
  }
}

function prepareEmulator() {
  if (process.argv.includes('--no-arm64')) return;
  const {devDependencies} = JSON.parse(readFileSync(join(root, 'package.json')));
  const again = isCi() || process.argv.includes('--arm64');
  const tools = {run, tryStep, say, aptInstaller: (packages) => installer(packages, undefined)};
  prepareArm64({modules, nodeVersion: devDependencies.node, again, tools});
}

function isCi() {
  return !['', '0', 'false', undefined].includes(process.env.CI);
}

/** How this system installs packages, or undefined when that is unknown or the user may not. */
function installer(ofApt, ofApk) {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (process.platform !== 'linux') return undefined;
  if (sudo.length > 0 && run('sudo', ['-n', 'true']).status !== 0) return undefined;

  const runAsRoot = (command) => run(...commandOf([...sudo, ...command]));
  if (run('apt-get', ['--version']).status === 0) return () => installWithApt(runAsRoot, ofApt);
  if (ofApk && run('apk', ['--version']).status === 0)
    return () => runAsRoot(['apk', 'add', ...ofApk]);
  return undefined;
}

function installWithApt(runAsRoot, packages) {
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  const install = [...apt, 'install', '-y', '--no-install-recommends', ...packages];
  const first = runAsRoot(install);
  if (first.status === 0) return first;
  const update = runAsRoot([...apt, 'update']);
  return update.status === 0 ? runAsRoot(install) : update;
}

function commandOf([command, ...args]) {
  return [command, args];
}

function run(command, args, cwd = root) {
  // The folder of installed programs leaves the PATH: `npm ci` replaces it while it runs.
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !isOwnBin(entry));
  return spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: {...process.env, PATH: path.join(delimiter)},
    maxBuffer: 64 * 1024 * 1024,
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function isOwnBin(entry) {
  return entry === join(modules, '.bin');
}

function step(title, action) {
  const {ok, output} = tryStep(title, action);
  if (!ok) fail(`${title} did not work`, output);
}

function tryStep(title, action) {
  const start = Date.now();
  process.stdout.write(`set-up: ${title} … `);
  const {status, error, stdout, stderr} = action();
  const seconds = Math.round((Date.now() - start) / 1000);
  process.stdout.write(status === 0 ? `done (${seconds} s)\n` : 'failed\n');
  const output = [error?.message, stdout, stderr].filter(Boolean).join('\n').trim();
  return {ok: status === 0, output};
}

function say(text) {
  process.stdout.write(`set-up: ${text}\n`);
}

/** @returns {never} */
function fail(reason, output = '') {
  if (output) process.stderr.write(`${output}\n`);
  process.stderr.write(`set-up: ${reason}\n`);
  process.exit(1);
}
