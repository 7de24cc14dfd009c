/** What one processor captures, the other applies. */
import {execFileSync} from 'node:child_process';
import {copyFileSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {digestOf} from '../../src/canonical/digest.ts';
import {decodeManifest, encodeManifest, manifestDigest} from '../../src/snapshot/manifest-text.ts';
import {fillOdd, oddSchema} from '../helpers/odd-values.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTables, execute, fileDigests} from '../helpers/typed-dump.ts';
import {readManifest, runsOn, type Place, type Processor} from './processors.ts';
import {fillReals, readings, realsSchema} from './reals.ts';
import {sayLine} from './say.ts';

const tables = ['odd', 'reading', 'by_real'];
const folder = temporaryFolder();
const stores = join(folder, 'stores');
const primary = join(folder, 'primary.db');
const other = {arm64: 'x86-64', 'x86-64': 'arm64'} as const;

beforeAll(() => {
  fillOdd(primary);
  fillReals(primary);
});

test('the command line that is started here runs on the other processor', () => {
  const node = String(process.env['ROWPLICA_TEST_NODE']);
  const there = execFileSync(node, ['-p', 'process.arch'], {encoding: 'utf8'}).trim();
  expect([process.arch, there]).toEqual(['arm64', 'x64']);
});

describe('both processors capture one database', () => {
  test('into the same bytes and digests', async () => {
    const there = await runsOn('x86-64', of('x86-64')).capture();
    const here = await runsOn('arm64', of('arm64')).capture();
    expect(here.tables).toEqual(there.tables);
    expect(here.tables['reading']?.rows).toBe(readings);

    const objects = filesIn(join(stores, 'x86-64', 'objects'));
    expect(objects.length).toBeGreaterThan(tables.length);
    expect(filesIn(join(stores, 'arm64', 'objects'))).toEqual(objects);

    const [theirs, ours] = [
      readManifest(join(stores, 'x86-64')),
      readManifest(join(stores, 'arm64')),
    ];
    expect(manifestDigest(encodeManifest(decodeManifest(theirs)))).toBe(there.snapshot);
    expect(anonymous(ours)).toEqual(anonymous(theirs));
    sayLine(`${objects.length} chunks, ${anonymous(ours)[0]} is the digest of either manifest`);
  });

  test('and neither stores again what the other has captured', async () => {
    const before = [filesIn(stores), fileDigests(primary)];
    for (const processor of ['arm64', 'x86-64'] as const) {
      const {changed} = await runsOn(processor, of(other[processor])).capture();
      expect(changed, processor).toBe(false);
    }
    expect([filesIn(stores), fileDigests(primary)]).toEqual(before);
  });

  /** The database, with a store and a state of this processor's capture. */
  function of(processor: Processor): Place {
    const store = `dir:${join(stores, processor)}`;
    return {database: primary, store, state: join(folder, `state-${processor}`), tables};
  }
});

describe.for([
  ['x86-64', 'arm64', 'restic'],
  ['arm64', 'x86-64', 'dir'],
] as const)('%s captures and %s replicates, through %s', ([from, to, kind]) => {
  const place = (name: string): Place => {
    const database = join(folder, `${name}-of-${from}.db`);
    const store = `${kind}:${join(folder, `${kind}-of-${from}`)}`;
    return {database, store, state: `${database}-state`, tables};
  };
  const [source, target] = [place('source'), place('target')];

  beforeAll(() => {
    copyFileSync(primary, source.database);
    execute(
      target.database,
      `PRAGMA journal_mode = WAL; ${oddSchema}; ${realsSchema}; INSERT INTO by_real VALUES (0.5, 1)`,
    );
  });

  test('every row, and a second run writes nothing on either', async () => {
    await runsOn(from, source).capture();
    expect((await runsOn(to, target).replicate()).applied).toBe(true);
    expect(dumpTables(target.database)).toEqual(dumpTables(source.database));

    const before = [source, target].map(({database}) => fileDigests(database));
    for (const processor of [to, from]) {
      expect((await runsOn(processor, target).replicate()).applied, processor).toBe(false);
      expect((await runsOn(processor, target).verify()).equal, processor).toBe(true);
      expect((await runsOn(processor, source).capture()).changed, processor).toBe(false);
    }
    expect([source, target].map(({database}) => fileDigests(database))).toEqual(before);
  });

  test('a change in the last bits of some numbers', async () => {
    execute(
      source.database,
      `UPDATE reading SET scaled = scaled * (1 + 3e-16), divided = -divided WHERE id % 50 = 0;
       UPDATE odd SET untyped = 1.0 WHERE typeof(untyped) = 'integer' AND untyped = 1;
       INSERT INTO by_real VALUES (0.1 + 0.2, 1e-7)`,
    );
    expect(dumpTables(target.database)).not.toEqual(dumpTables(source.database));
    await runsOn(from, source).capture();
    const applied = await runsOn(to, target).replicate();
    expect(applied.tables['reading']).toEqual({inserted: 0, updated: readings / 50, deleted: 0});
    expect(dumpTables(target.database)).toEqual(dumpTables(source.database));
    expect((await runsOn(from, target).verify('latest')).equal).toBe(true);
  });
});

/** Every file below a folder, with the digest of its bytes. */
function filesIn(path: string): readonly (readonly [string, string])[] {
  return readdirSync(path, {recursive: true, encoding: 'utf8'})
    .filter((name) => statSync(join(path, name)).isFile())
    .map((name) => [name, digestOf(readFileSync(join(path, name)))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Digest and text of a manifest, with lineage, author and time of creation made the same. */
function anonymous(bytes: Uint8Array): readonly string[] {
  const nobody = '00000000-0000-4000-8000-000000000000';
  const created = '2026-01-01T00:00:00.000Z';
  const same = encodeManifest({...decodeManifest(bytes), lineage: nobody, author: nobody, created});
  return [manifestDigest(same), Buffer.from(same).toString('utf8')];
}
