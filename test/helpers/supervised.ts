/** Small applications for a service to start: scripts of a shell, which write down what happens to them. */
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {temporaryFolder} from './temp-folder.ts';

const made: Notebook[] = [];

/** Kills what applications of a test that failed left. */
export function killNoted(): void {
  for (const {pids} of made.splice(0))
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It is gone, as it should be.
      }
    }
}

/** A file into which an application writes lines: `pid NUMBER` of each process, and whatever else. */
export class Notebook {
  readonly path = join(temporaryFolder(), 'notes');

  constructor() {
    made.push(this);
  }

  /** The command after which a service starts an application; in the script, `note WORDS` writes a line. */
  run(script: string): readonly string[] {
    const note = `note() { echo "$@" >> '${this.path}'; }; note pid $$`;
    return ['--', 'sh', '-c', `${note}; ${script}`];
  }

  get lines(): readonly string[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
  }

  get pids(): readonly number[] {
    return this.lines.flatMap((line) => {
      const pid = /^pid (\d+)$/.exec(line)?.[1];
      return pid === undefined ? [] : [Number(pid)];
    });
  }
}

/** A process that nobody waits for stays as a zombie, which does not run. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
