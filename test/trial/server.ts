/** The one release of Uptime Kuma that the npm registry has: a server between 1.22 and 2.0, with its pages. */
import {cpSync, existsSync, globSync, mkdirSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {nodeOf} from '../helpers/node-versions.ts';
import {project, runProcess} from '../helpers/run-process.ts';

const RELEASE = 'uptime-kuma@2.0.0-dev.0';
/** The newest that this release was made for. */
const NODE = 20;
const kept = join(project, 'node_modules', '.uptime-kuma');

export type Server = {
  /** Its working directory. */
  readonly folder: string;
  /** The program that runs it. */
  readonly node: string;
};

/** Fetched and built once, which takes minutes: its SQLite comes as source. */
export async function fetchServer(say: (text: string) => void): Promise<Server> {
  const node = await nodeOf(NODE);
  if (node === undefined) throw new Error(`Node ${NODE} cannot be had from the npm registry`);
  const folder = join(kept, 'package');
  if (!existsSync(folder)) await build(say);
  return {folder, node: join(node, 'node')};
}

async function build(say: (text: string) => void): Promise<void> {
  say(`fetching and building ${RELEASE}, which takes some minutes`);
  const fresh = `${kept}-${process.pid}`;
  mkdirSync(fresh, {recursive: true});
  try {
    const packed = await done(fresh, 'npm', ['pack', '--silent', RELEASE]);
    await done(fresh, 'tar', ['-xzf', packed.trim()]);
    const folder = join(fresh, 'package');
    const flags = ['--omit=dev', '--legacy-peer-deps', '--no-audit', '--no-fund'];
    await done(folder, 'npm', ['install', '--silent', '--build-from-source', ...flags]);
    // They were packed into the folder above the one that they are looked for in.
    for (const name of globSync('patch-*.sql', {cwd: join(folder, 'db')}))
      cpSync(join(folder, 'db', name), join(folder, 'db', 'old_migrations', name));
    rmSync(kept, {recursive: true, force: true});
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, {recursive: true, force: true});
  }
}

async function done(cwd: string, file: string, args: readonly string[]): Promise<string> {
  const {exitCode, stdout, stderr} = await runProcess(file, args, {cwd, env: process.env});
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
