/** Passing folders outside of any state folder, for commands that keep nothing. They hold rows in clear. */
import {existsSync, lstatSync, mkdtempSync, readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {tryLock} from '../database/sqlite/local.ts';
import {SCRATCH_SETTLED_MS} from '../kernel/limits.ts';
import {guarded, removeAll} from './files.ts';

const PREFIX = 'rowplica-';
/** Tells our folders from others that begin with our name: those are removed with all that is in them. */
const LOCK = '.rowplica-passing';

/** Runs work with an empty folder that only its owner may read, and removes it; also those whose process died. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  removeAbandoned();
  const folder = guarded(tmpdir(), () => mkdtempSync(join(tmpdir(), PREFIX)), HINT);
  const release = tryLock(join(folder, LOCK));
  try {
    return await work(folder);
  } finally {
    release?.();
    removeAll(folder);
  }
}

const HINT = 'Make room or access for the folder of passing files, or name another with TMPDIR.';

/** What cannot be removed stays, and is no reason to fail: this is done for others. */
function removeAbandoned(): void {
  try {
    const ours = readdirSync(tmpdir()).filter((name) => name.startsWith(PREFIX));
    for (const name of ours) removeIfAbandoned(join(tmpdir(), name));
  } catch {
    // Where the folder itself is at fault, making one in it says so.
  }
}

/** The lock of a process that died is free. One that has just begun may not have taken it yet. */
function removeIfAbandoned(folder: string): void {
  try {
    if (!isSettled(folder)) return;
    const release = tryLock(join(folder, LOCK));
    release?.();
    if (release !== undefined) removeAll(folder);
  } catch {
    // See above.
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
