/** Cell values and passwords stay out of messages, logs, argument lists and diffs. */
import {readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance, password, printed, rowplica} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {listing} from './expectations.ts';

const marker = 'hunter2-secret';

describe('a value that must not be told', () => {
  const folder = temporaryFolder();
  const store = join(folder, 'store');
  const env = {ROWPLICA_LOG: 'debug'};
  const primary = join(folder, 'primary.db');
  const source = new Instance({database: primary, store: `dir:${store}`, tables: ['vault'], env});

  beforeAll(async () => {
    makeVault(primary);
    await source.capture();
  });

  test.for([
    ['a CHECK that only it has', `secret TEXT CHECK (length(secret) < 5)`, ''],
    [
      'an index that only it has',
      `secret TEXT`,
      'CREATE UNIQUE INDEX u ON vault (substr(secret, 1, 3))',
    ],
    ['a NOT NULL that only it has', `secret TEXT NOT NULL`, ''],
    [
      'a trigger that raises with the value',
      'secret TEXT',
      `CREATE TRIGGER t BEFORE INSERT ON vault BEGIN SELECT RAISE(ABORT, '${marker}'); END`,
    ],
    [
      'a trigger that changes what was written',
      'secret TEXT',
      `CREATE TRIGGER t AFTER INSERT ON vault BEGIN UPDATE vault SET secret = 'x' WHERE id = new.id; END`,
    ],
  ] as const)('is not told by %s', async ([title, column, sql]) => {
    const database = join(folder, `${title.replaceAll(' ', '-')}.db`);
    execute(database, `CREATE TABLE vault (id INTEGER PRIMARY KEY, ${column}, note BLOB); ${sql}`);
    const target = new Instance({database, store: source.store, tables: ['vault'], env});
    const {exitCode, stdout, stderr} = await target.run('replicate', '--allow-triggers');
    expect(exitCode, stdout + stderr).toBeGreaterThanOrEqual(20);
    expect(exitCode).toBeLessThan(40);
    expect(stdout + stderr).not.toContain(marker);
  });

  test.for([
    ['a CHECK that the primary left aside', 'CHECK (length(secret) < 5)', 'CONSTRAINT'],
    ['a parent that only the primary has', 'REFERENCES other (name)', 'FOREIGN_KEY'],
  ] as const)('is not told by %s', async ([title, constraint, code]) => {
    const place = join(folder, title.replaceAll(' ', '-'));
    const declared = `CREATE TABLE other (name TEXT PRIMARY KEY);
      CREATE TABLE vault (id INTEGER PRIMARY KEY, secret TEXT ${constraint}, note BLOB);`;
    execute(
      `${place}-primary.db`,
      `${declared} PRAGMA ignore_check_constraints = ON; INSERT INTO other VALUES ('${marker}');
       INSERT INTO vault VALUES (1, '${marker}', NULL)`,
    );
    execute(`${place}.db`, declared);
    const shared = {store: `dir:${place}-store`, tables: ['vault'], env};
    await new Instance({database: `${place}-primary.db`, ...shared}).capture();
    const refused = await new Instance({database: `${place}.db`, ...shared}).run('replicate');
    expect(refused.exitCode).toBe(20);
    expect(refused.stdout + refused.stderr).not.toContain(marker);
    const told = await new Instance({database: `${place}.db`, ...shared}).refused('replicate');
    expect(told.code).toBe(code);
  });

  test('is not told by a diff without --show-values, and is with it', async () => {
    const database = join(folder, 'diff.db');
    makeVault(database, `other-${marker}`);
    const target = new Instance({database, store: source.store, tables: ['vault'], env});
    for (const flags of [['--json'], []]) {
      const masked = await target.run('diff', 'live', 'latest', ...flags);
      expect(masked.exitCode).toBe(0);
      expect(masked.stdout + masked.stderr).not.toContain(marker);
      const shown = await target.run('diff', 'live', 'latest', '--show-values', ...flags);
      expect(shown.stdout).toContain(`other-${marker}`);
      expect(shown.stderr).not.toContain(marker);
      printed.splice(printed.indexOf(shown.stdout), 1);
    }
  });

  test('is not told by any command that works, nor by one that finds the store damaged', async () => {
    const database = join(folder, 'works.db');
    execute(database, `${ddl}`);
    const target = new Instance({database, store: source.store, tables: ['vault'], env});
    await target.replicate();
    await target.verify();
    await target.status();
    await target.doctor();
    await target.run('diff', 'live', 'latest');
    const [object = ''] = listing(join(store, 'objects'));
    truncateSync(join(store, 'objects', object), 40);
    rmSync(target.state, {recursive: true});
    execute(database, 'DELETE FROM vault');
    for (const command of ['replicate', 'verify']) {
      const refused = await target.refused(
        command,
        ...(command === 'verify' ? ['--snapshot', 'latest'] : []),
      );
      expect(refused.exitCode).toBe(30);
    }
    expect(printed.length).toBeGreaterThan(20);
    expect(printed.filter((text) => text.includes(marker))).toEqual([]);
  });
});

describe('the password of the repository', () => {
  test('is in no argument list, no output and no log', async () => {
    const folder = temporaryFolder();
    const calls = join(folder, 'calls');
    const restic = join(folder, 'restic.sh');
    const real = process.env['ROWPLICA_RESTIC'] || 'restic';
    writeFileSync(restic, `#!/bin/sh\necho "$*" >> '${calls}'\nexec ${real} "$@"\n`, {mode: 0o755});
    const database = join(folder, 'primary.db');
    makeVault(database);
    const before = printed.length;
    const shared = {database, store: `restic:${join(folder, 'repository')}`, tables: ['vault']};
    const env = {ROWPLICA_RESTIC: restic, ROWPLICA_LOG: 'debug'};
    await new Instance({...shared, env}).capture();
    await new Instance({...shared, env}).status();
    await new Instance({...shared, env: {...env, RESTIC_PASSWORD: `${password}-not`}}).refused(
      'snapshots',
    );
    const told = [readFileSync(calls, 'utf8'), ...printed.slice(before)].join('\n');
    expect(told).toContain('backup');
    expect(told).not.toContain(password);
    expect(told).not.toContain(marker);
  });

  test('of the default repository is in a file of the state folder that only its owner reads', async () => {
    const folder = temporaryFolder();
    const database = join(folder, 'primary.db');
    makeVault(database);
    const env = {RESTIC_PASSWORD: ''};
    const args = ['--database', database, '--tables', 'vault', '--json'];
    const captured = await rowplica(['capture', ...args], {env});
    expect(captured, captured.stdout).toMatchObject({exitCode: 0});
    const state = join(folder, '.rowplica');
    const key = listing(state).find((name) => !name.includes('/') && /key|password/.test(name));
    const secret = readFileSync(join(state, key ?? 'no key file'), 'utf8').trim();
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(captured.stdout + captured.stderr).not.toContain(secret);
  });
});

const ddl = 'CREATE TABLE vault (id INTEGER PRIMARY KEY, secret TEXT, note BLOB);';

function makeVault(path: string, value = marker): void {
  execute(
    path,
    `${ddl} INSERT INTO vault VALUES (1, '${value}', '${value}'), (2, '${value} 2', CAST('${value}' AS BLOB)), (3, NULL, '${value}');`,
  );
}
