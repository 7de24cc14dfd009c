/** System calls of SQLite itself that fail: a clear error, nothing lost, and the next run succeeds. */
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, describe, test} from 'vitest';
import {Matrix} from './matrix.ts';
import {scenarios as all} from './scenarios.ts';

const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;
const skipped = canTrace || process.env['CI'] ? '' : ' (skipped: there is no strace here)';
const names = new Set([
  'capture of changed rows',
  'replicate',
  'replicate, rollback journal',
  'undo',
]);
const made: Matrix[] = [];
afterAll(() => made.forEach(({place}) => place.remove()));

const WRITE = 'pwrite64,write,ftruncate';
const SYNC = 'fsync,fdatasync';
/** Files as they are called beside a side's database, or in the state's own folder; one call fails, or all from one on. */
const disks = [
  {of: 'database', file: '', calls: WRITE, error: 'ENOSPC', when: '1+'},
  {of: 'database', file: '', calls: SYNC, error: 'EIO', when: '1'},
  {of: 'database', file: '-wal', calls: WRITE, error: 'ENOSPC', when: '2+'},
  {of: 'database', file: '-wal', calls: SYNC, error: 'EIO', when: '1'},
  {of: 'database', file: '-journal', calls: WRITE, error: 'ENOSPC', when: '1+'},
  {of: 'database', file: '-journal', calls: SYNC, error: 'EIO', when: '1+'},
  {of: 'database', file: '-journal', calls: 'unlink', error: 'EROFS', when: '1'},
  {of: 'database', file: '', calls: 'pread64', error: 'EIO', when: '2+'},
  {of: 'state', file: 'state.db', calls: WRITE, error: 'ENOSPC', when: '1+'},
  {of: 'state', file: 'state.db', calls: WRITE, error: 'EIO', when: '3'},
  {of: 'state', file: 'state.db', calls: SYNC, error: 'EIO', when: '2+'},
  {of: 'state', file: 'state.db', calls: 'pread64', error: 'EIO', when: '2+'},
  {of: 'state', file: 'state.db-journal', calls: WRITE, error: 'EROFS', when: '1+'},
  {of: 'state', file: 'state.db-journal', calls: SYNC, error: 'EIO', when: '3+'},
  {of: 'state', file: 'state.db-journal', calls: 'unlink', error: 'EIO', when: '2'},
] as const;

describe.skipIf(skipped !== '')(`a disk that fails${skipped}`, () => {
  test.concurrent.for(all.filter(({name}) => names.has(name)))(
    '$name: no system call of it is one too many to fail',
    async (scenario, {expect}) => {
      const matrix = await Matrix.make(scenario);
      made.push(matrix);
      const {place} = matrix;
      const paths = place.paths(scenario.side);
      const log = `${place.folder}.log`;
      const wrong: Record<string, readonly string[]> = {};
      let failed = 0;
      for (const {of, file, calls, error, when} of disks) {
        const path = of === 'state' ? join(paths.own, file) : paths.database + file;
        const inject = `inject=${calls}:error=${error}:when=${when}`;
        const program = ['strace', '-f', '-qq', '--seccomp-bpf', '-o', log] as const;
        const found = await matrix.failUnder([...program, '-P', path, '-e', inject]);
        if (existsSync(log) && readFileSync(log, 'utf8').includes('(INJECTED)')) failed++;
        if (found.length > 0) wrong[`${of}${file}: ${calls} fails with ${error}, ${when}`] = found;
      }
      rmSync(log, {force: true});
      process.stdout.write(`${scenario.name}: ${failed} ways for its disk to fail\n`);
      expect(wrong).toEqual({});
      expect(failed).toBeGreaterThan(3);
    },
  );
});
