/** Looks at what restic is writing, and stops it when that is more than a snapshot can hold. */
import {lstat, readdir} from 'node:fs/promises';
import {join, relative, sep} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {EngineError} from '../../kernel/errors.ts';
import {CHUNK_BYTES_MAX, MANIFEST_BYTES_MAX} from '../../kernel/format-limits.ts';
import {RESTIC_WATCH_MS} from '../../kernel/limits.ts';

export type Watch = {
  /** Fires when restic is to be stopped. */
  readonly signal: AbortSignal;
  /** Ends the watch. @throws {EngineError} `SNAPSHOT_CORRUPT` naming the file, where one is too large. */
  end(): Promise<void>;
};

/**
 * Sizes that a repository lists may be a lie, and asking for them first costs as long as most fetches take. So
 * what is written is looked at, a few times a second: more than the limit may come to lie on the disk for that
 * long (`dump` writes as it goes; `restore` reserves a file's room at once), and goes with the folder.
 */
export function watchFiles(folder: string, snapshot: string): Watch {
  const stop = new AbortController();
  const ended = new AbortController();
  const watching = watch(folder, snapshot, ended.signal);
  watching.catch(() => stop.abort());
  return {
    signal: stop.signal,
    end: async () => {
      ended.abort();
      await watching;
      await checkFiles(folder, snapshot);
    },
  };
}

async function watch(folder: string, snapshot: string, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    const begun = performance.now();
    await checkFiles(folder, snapshot);
    const tookMs = performance.now() - begun;
    // Many files take long to look at: most of the time belongs to restic.
    await sleep(Math.max(RESTIC_WATCH_MS, 10 * tookMs), undefined, {signal: ended}).catch(() => {});
  }
}

async function checkFiles(folder: string, snapshot: string): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    if (entry.isDirectory()) continue;
    const path = relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/');
    const most = path === 'manifest' ? MANIFEST_BYTES_MAX : CHUNK_BYTES_MAX;
    if ((await sizeOf(join(folder, path))) > most) throw tooLarge(snapshot, path, most);
  }
}

/** restic moves and removes files meanwhile. */
async function entriesOf(folder: string) {
  return readdir(folder, {recursive: true, withFileTypes: true}).catch(() => []);
}

async function sizeOf(path: string): Promise<number> {
  return lstat(path).then(
    ({size}) => size,
    () => 0,
  );
}

function tooLarge(snapshot: string, path: string, bytesMax: number): EngineError {
  return new EngineError(
    'SNAPSHOT_CORRUPT',
    `the file ${path} of snapshot ${snapshot} is larger than ${bytesMax} bytes`,
    {
      site: {snapshot, path},
      hint: 'Do not use this snapshot: Rowplica writes no such file.',
    },
  );
}
