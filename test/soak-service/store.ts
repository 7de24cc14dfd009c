/** The repository of restic that both instances use, on a file system of its own that can be filled up, and what can befall it. */
import {execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';

const SIZE_MB = 1_024;
const LOCK_TRIES = 20;

export class SoakStore {
  readonly repository: string;
  readonly #mount: string;
  readonly #away: string;
  readonly #env: NodeJS.ProcessEnv;
  #isClosed = false;

  /** Needs to be root, as it mounts a file system. */
  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#mount = join(folder, 'store');
    this.repository = join(this.#mount, 'repository');
    this.#away = join(this.#mount, 'away');
    this.#env = {...env, RESTIC_REPOSITORY: this.repository};
    mkdirSync(this.#mount);
    const options = ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`];
    execFileSync('mount', [...options, 'rowplica-soak', this.#mount]);
  }

  /** Where its files are now. */
  get place(): string {
    return existsSync(this.#away) ? this.#away : this.repository;
  }

  /** The repository is gone, as where a disk is not mounted. What is made in its place meanwhile goes when it is back. */
  takeAway(): () => void {
    renameSync(this.repository, this.#away);
    return () => {
      rmSync(this.repository, {recursive: true, force: true});
      renameSync(this.#away, this.repository);
    };
  }

  /** No byte is left. */
  fillUp(): () => void {
    const filler = join(this.#mount, 'filler');
    const file = openSync(filler, 'w');
    for (const size of [1024 * 1024, 4096]) writeUntilFull(file, Buffer.alloc(size));
    closeSync(file);
    return () => rmSync(filler);
  }

  /** A restic that has the repository for itself stands still. Undefined where none could get hold of it. */
  async lock(): Promise<(() => Promise<void>) | undefined> {
    for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
      const check = spawn('restic', ['check'], {
        env: this.#env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const ended = once(check, 'exit');
      const hasLock = new Promise<boolean>((done) => {
        check.stdout.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('load indexes')) done(check.kill('SIGSTOP'));
        });
        check.on('close', () => done(false));
      });
      if (await hasLock)
        return async () => {
          check.kill('SIGCONT');
          await ended;
        };
      await pause(200);
    }
    return undefined;
  }

  /** Ends the file system. @param keep Where the repository is copied to first. */
  close(keep: string | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (keep !== undefined && existsSync(this.place)) cpSync(this.place, keep, {recursive: true});
    execFileSync('umount', ['-l', this.#mount]);
  }
}

function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    if ((error as {code?: string}).code !== 'ENOSPC') throw error;
  }
}
