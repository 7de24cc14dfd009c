/** Passing folders outside of any state folder, for commands that keep nothing. They hold rows in clear. */
import {existsSync, lstatSync, mkdtempSync, readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {tryLock} from '../database/sqlite/local.ts';
import {SCRATCH_SETTLED_MS} from '../kernel/limits.ts';
import {guarded, removeAll} from './files.ts';

const PREFIX = 'rowplica-';
const LOCK = 'lock';

/** Runs work with an empty folder that only its owner may read, and removes it; also those whose process died. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  removeAbandoned();
  const folder = guarded(tmpdir(), () => mkdtempSync(join(tmpdir(), PREFIX)));
  const release = tryLock(join(folder, LOCK));
  try {
    return await work(folder);
  } finally {
    release?.();
    removeAll(folder);
  }
}

/** The lock of a process that died is free. One that has just begun may not have taken it yet. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !isSettled(folder)) continue;
    const release = tryLock(join(folder, LOCK));
    if (release === undefined) continue;
    release();
    removeAll(folder);
  }
}

/** Ours, and not of this moment. What others may have put into a shared folder is left alone. */
function isSettled(folder: string): boolean {
  const stat = lstatSync(folder, {throwIfNoEntry: false});
  return (
    stat?.isDirectory() === true &&
    stat.uid === process.getuid?.() &&
    Date.now() - stat.mtimeMs > SCRATCH_SETTLED_MS &&
    existsSync(join(folder, LOCK))
  );
}
