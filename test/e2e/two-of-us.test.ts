/** Two commands at one moment: on one database, with one state folder, on one repository. */
import {mkdirSync} from 'node:fs';
import {basename, join} from 'node:path';
import {afterAll, describe, expect, test} from 'vitest';
import {atOnce, jitter, outcomeOf, Tally, type Contender} from '../helpers/at-once.ts';
import {Instance, runProcess} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, dumpTables, execute} from '../helpers/typed-dump.ts';

const ROUNDS = Number(process.env['ROWPLICA_ROUNDS'] ?? 4);
const rounds = Array.from({length: ROUNDS}, (_, at) => at);

const tables = ['left', 'right'];
const ddl =
  'CREATE TABLE left (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE right (id INTEGER PRIMARY KEY, a TEXT);';
const tallies = new Map<string, Tally>();

function noted(what: string, outcome: string): void {
  const tally = tallies.get(what) ?? new Tally();
  tallies.set(what, tally);
  tally.add(outcome);
}

afterAll(() => {
  const lines = [...tallies].flatMap(([what, {lines: found}]) => [
    what,
    ...found.map((l) => `  ${l}`),
  ]);
  process.stdout.write(`outcomes of ${ROUNDS} rounds each\n${lines.join('\n')}\n`);
});

/** A database in which both tables hold `rows` rows of one value. */
function makeDatabase(path: string, value: string, rows = 300): string {
  const fill = tables.map(
    (table) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO "${table}" SELECT i, '${value}' FROM n;`,
  );
  execute(path, `PRAGMA journal_mode = WAL; ${ddl} ${fill.join(' ')}`);
  return path;
}

const setAll = (path: string, value: string): void =>
  execute(path, `BEGIN; UPDATE left SET a = '${value}'; UPDATE right SET a = '${value}'; COMMIT`);

/** The one value that all rows hold; several where tables or rows are mixed. */
function valuesOf(path: string): readonly string[] {
  const rows = Object.values(dumpTables(path)).flat();
  return [
    ...new Set(rows.map(({a}) => Buffer.from(String(a).slice('text '.length), 'hex').toString())),
  ];
}

function expectEqual(a: string, b: string): void {
  expect(dumpTables(a)).toEqual(dumpTables(b));
  expect(complaints(a)).toEqual([]);
}

type Place = {
  readonly folder: string;
  readonly store: string;
  readonly primary: string;
  readonly source: Instance;
};

function makePlace(kind = 'dir'): Place {
  const folder = temporaryFolder();
  const store = `${kind}:${join(folder, 'store')}`;
  const primary = makeDatabase(join(folder, 'primary.db'), 'first');
  return {folder, store, primary, source: new Instance({database: primary, store, tables})};
}

describe('two replicates on one database', () => {
  test('with one state folder: one at a time, and the other is told to wait', async () => {
    const {folder, store, primary, source} = makePlace();
    const database = makeDatabase(join(folder, 'replica.db'), 'old');
    const target = new Instance({database, store, tables});
    for (const round of rounds) {
      setAll(primary, `round ${round}`);
      await source.capture();
      const both: Contender = {
        database,
        store,
        tables,
        command: 'replicate',
        delay: jitter(round, 15),
      };
      const outcomes = (await atOnce([both, {...both, delay: 0}])).map(outcomeOf);
      noted('two replicates, one state', outcomes.toSorted().join(' | '));
      expect(outcomes).toContain('done');
      for (const outcome of outcomes) expect(['done', '14 STATE_IN_USE']).toContain(outcome);
      expectEqual(database, primary);
      expect(await target.status()).toMatchObject({upToDate: true, interrupted: false, behind: 0});
    }
  });

  test('with a state folder each: both find the rows of the snapshot, and each record is true', async () => {
    const {folder, store, primary, source} = makePlace();
    const database = makeDatabase(join(folder, 'replica.db'), 'old');
    const states = ['one', 'two'].map((name) => join(folder, name));
    for (const round of rounds) {
      setAll(primary, `round ${round}`);
      await source.capture();
      const results = await atOnce(
        states.map((state, at) => ({
          database,
          store,
          tables,
          state,
          command: 'replicate',
          delay: at * jitter(round, 30),
        })),
      );
      const outcomes = results.map(outcomeOf);
      noted('two replicates, a state each', outcomes.join(' | '));
      for (const outcome of outcomes)
        expect(['done', '14 DATABASE_BUSY', '22 PLAN_STALE']).toContain(outcome);
      expect(outcomes).toContain('done');
      expectEqual(database, primary);
      for (const state of states) {
        const own = new Instance({database, store, tables, state});
        const {upToDate, interrupted} = await own.status();
        expect({interrupted, done: upToDate}).toEqual({
          interrupted: false,
          done: outcomes[states.indexOf(state)] === 'done',
        });
      }
    }
  });
});

test('a capture beside a replicate on one database sees the rows before or after, never between', async () => {
  const {folder, store, primary, source} = makePlace();
  const database = makeDatabase(join(folder, 'replica.db'), 'old', 3000);
  const copy = makeDatabase(join(folder, 'copy.db'), 'old');
  const second = `dir:${join(folder, 'second')}`;
  const reader = new Instance({database: copy, store: second, tables});
  const state = join(folder, 'own');
  for (const round of rounds) {
    const before = valuesOf(database);
    setAll(primary, `round ${round}`);
    await source.capture();
    const outcomes = (
      await atOnce([
        {
          database,
          store,
          tables,
          command: 'replicate',
          args: ['--allow-deletes', 'left', '--allow-deletes', 'right'],
          delay: 0,
        },
        {database, store: second, tables, state, command: 'capture', delay: jitter(round, 60)},
      ])
    ).map(outcomeOf);
    expect(outcomes).toEqual(['done', 'done']);
    await reader.replicate('--allow-deletes', 'left', '--allow-deletes', 'right');
    expect([before, valuesOf(primary)]).toContainEqual(valuesOf(copy));
    noted(
      'capture beside replicate',
      `captured ${valuesOf(copy)[0] === before[0] ? 'before' : 'after'}`,
    );
    expectEqual(database, primary);
  }
});

test('a capture beside a replicate with one state folder: one of them waits', async () => {
  const {folder, store, primary, source} = makePlace();
  const database = makeDatabase(join(folder, 'replica.db'), 'old');
  const shared = {database, store, tables};
  await source.capture();
  await new Instance(shared).replicate();
  for (const round of rounds) {
    setAll(primary, `round ${round}`);
    await source.capture();
    const outcomes = (
      await atOnce([
        {...shared, command: 'replicate', delay: 0},
        {...shared, command: 'capture', delay: 5 + jitter(round, 10)},
      ])
    ).map(outcomeOf);
    noted('capture and replicate, one state', outcomes.join(' | '));
    for (const outcome of outcomes)
      expect(['done', '14 STATE_IN_USE', '20 FENCED']).toContain(outcome);
    await new Instance(shared).replicate();
    expectEqual(database, primary);
    const status = await source.status();
    expect(status.newest?.author, 'the primary is still the only one').toBe(status.instance);
  }
});

test('two captures with one state folder: one at a time', async () => {
  const {store, primary, source} = makePlace();
  for (const round of rounds) {
    setAll(primary, `round ${round}`);
    const one: Contender = {database: primary, store, tables, command: 'capture', delay: 0};
    const outcomes = (await atOnce([one, {...one, delay: jitter(round, 15)}])).map(outcomeOf);
    noted('two captures, one state', outcomes.toSorted().join(' | '));
    expect(outcomes).toContain('done');
    for (const outcome of outcomes) expect(['done', '14 STATE_IN_USE']).toContain(outcome);
    expect(await source.status()).toMatchObject({upToDate: true, newest: {sequence: round + 1}});
  }
});

describe('one state folder for two databases at once', () => {
  test('of the same name: it belongs to one of them', async () => {
    for (const round of rounds) {
      const {folder, store, primary} = makePlace();
      mkdirSync(join(folder, 'other'));
      const other = makeDatabase(join(folder, 'other', 'primary.db'), 'other');
      const state = join(folder, 'state');
      const shared = {store, tables, state, command: 'capture'};
      const outcomes = (
        await atOnce([
          {...shared, database: primary, delay: 0},
          {...shared, database: other, delay: jitter(round, 20)},
        ])
      ).map(outcomeOf);
      noted('one state for two databases of one name', outcomes.toSorted().join(' | '));
      expect(outcomes).toContain('done');
      for (const outcome of outcomes)
        expect(['done', '14 STATE_IN_USE', '2 CONFIG_INVALID']).toContain(outcome);
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    }
  });

  test('with the repository and its key in it: the key is made once', async () => {
    for (const round of rounds) {
      const {folder, primary} = makePlace();
      const other = makeDatabase(join(folder, 'other.db'), 'other');
      const state = join(folder, 'state');
      const contender = (database: string, delay: number): Contender => ({
        database,
        store: '',
        tables,
        state,
        command: 'capture',
        delay,
        env: {RESTIC_PASSWORD: undefined},
      });
      const outcomes = (
        await atOnce([contender(primary, 0), contender(other, jitter(round, 3))])
      ).map(outcomeOf);
      noted('one state and default repository for two databases', outcomes.toSorted().join(' | '));
      const opened = await runProcess(
        process.env['ROWPLICA_RESTIC'] || 'restic',
        [
          '-r',
          join(state, 'repository'),
          '--password-file',
          join(state, 'repository.key'),
          '--no-cache',
          'cat',
          'config',
        ],
        {env: {PATH: process.env['PATH']}, cwd: undefined, onStart: undefined},
      );
      expect(opened.stderr, 'the key on disk opens the repository').toBe('');
    }
  });
});

/** What the store holds of each position. */
async function positionsIn(instance: Instance): Promise<readonly string[]> {
  const {snapshots} = await instance.snapshots();
  return snapshots.map(({epoch, sequence, author}) => `${epoch}.${sequence} ${author}`);
}

describe.each(['dir', 'restic'])('two primaries on one %s store', (kind) => {
  const shared = (place: Place) => ({store: place.store, tables, command: 'capture'});
  const often = kind === 'dir' ? rounds : rounds.slice(0, Math.max(2, Math.ceil(ROUNDS / 2)));

  test('at one moment: nothing is overwritten, whoever shares a position stops, and no author goes on unaware', async () => {
    for (const round of often) {
      const place = makePlace(kind);
      await place.source.capture();
      const second = join(place.folder, 'second.db');
      const other = makeDatabase(second, 'second');
      const rival = new Instance({database: other, store: place.store, tables});
      await rival.replicate();
      expect((await rival.status()).instance).not.toBe((await place.source.status()).instance);
      setAll(place.primary, 'by the first');
      setAll(other, 'by the second');
      const results = await atOnce([
        {...shared(place), database: place.primary, delay: jitter(round, 25)},
        {...shared(place), database: other, delay: jitter(round + 7, 25)},
      ]);
      await expectBothKnown(place, rival, results.map(outcomeOf), `${kind}: author and heir`);
    }
  });

  test('that both take over at one moment: everybody stops', async () => {
    for (const round of often) {
      const place = makePlace(kind);
      await place.source.capture();
      const heirs = ['second', 'third'].map(
        (name) =>
          new Instance({
            database: makeDatabase(join(place.folder, `${name}.db`), name),
            store: place.store,
            tables,
          }),
      );
      for (const heir of heirs) {
        await heir.replicate();
        setAll(heir.database, basename(heir.database));
      }
      const outcomes = (
        await atOnce(
          heirs.map(({database}, at) => ({
            ...shared(place),
            database,
            delay: jitter(round + at, 20),
          })),
        )
      ).map(outcomeOf);
      noted(`${kind}: two heirs`, outcomes.toSorted().join(' | '));
      const stored = (await positionsIn(place.source)).filter((line) => line.startsWith('2.'));
      if (stored.length === 2) {
        expect(outcomes, 'who stored second sees the other').not.toEqual(['done', 'done']);
        for (const each of [...heirs, place.source]) {
          expect(await each.refused('capture')).toMatchObject({code: 'FORKED'});
        }
        const replica = makeDatabase(join(place.folder, 'replica.db'), 'untouched');
        const follower = new Instance({database: replica, store: place.store, tables});
        expect(await follower.refused('replicate')).toMatchObject({code: 'FORKED'});
        expect(valuesOf(replica)).toEqual(['untouched']);
      } else {
        expect(outcomes.toSorted()).toEqual(['20 FENCED', 'done']);
      }
    }
  });

  test('that both make it: one history, or both authors are told', async () => {
    for (const round of often) {
      const place = makePlace(kind);
      const other = makeDatabase(join(place.folder, 'second.db'), 'second');
      const results = await atOnce([
        {...shared(place), database: place.primary, delay: 0},
        {...shared(place), database: other, delay: jitter(round, 30)},
      ]);
      const outcomes = results.map(outcomeOf);
      noted(`${kind}: two first captures`, outcomes.toSorted().join(' | '));
      for (const outcome of outcomes)
        expect(['done', '20 FENCED', '22 POSITION_MISMATCH', '13 STORE_FAILED']).toContain(outcome);
      const held = await place.source.run('snapshots', '--json');
      if (held.exitCode !== 0) {
        expect(outcomes, 'a repository that is not one was said so').not.toContain('done');
        continue;
      }
      const {snapshots} = JSON.parse(held.stdout) as {snapshots: {lineage: string}[]};
      const lineages = new Set(snapshots.map(({lineage}) => lineage)).size;
      if (lineages > 1) expect(outcomes).not.toEqual(['done', 'done']);
      if (outcomes.includes('done')) expect(lineages).toBeGreaterThan(0);
      const replica = makeDatabase(join(place.folder, 'replica.db'), 'untouched');
      const follower = new Instance({database: replica, store: place.store, tables});
      if (lineages > 1) {
        expect(await follower.refused('replicate')).toMatchObject({code: 'POSITION_MISMATCH'});
        expect(valuesOf(replica)).toEqual(['untouched']);
      }
    }
  });

  async function expectBothKnown(
    place: Place,
    rival: Instance,
    outcomes: readonly string[],
    what: string,
  ): Promise<void> {
    const stored = await positionsIn(place.source);
    const both = stored.length === 3;
    noted(what, `${outcomes.join(' | ')} (${both ? 'both stored' : 'one stored'})`);
    expect(stored.length).toBeGreaterThan(1);
    for (const outcome of outcomes) expect(['done', '20 FENCED', '22 FORKED']).toContain(outcome);
    if (both) expect(outcomes, 'who stored second sees the other').not.toEqual(['done', 'done']);
    setAll(place.primary, 'by the first again');
    setAll(rival.database, 'by the second again');
    const again = [
      await place.source.run('capture', '--json'),
      await rival.run('capture', '--json'),
    ];
    noted(`${what}, afterwards`, again.map(outcomeOf).join(' | '));
    const went = again.filter(({exitCode}) => exitCode === 0).length;
    expect(went, 'none goes on from a fork').toBeLessThanOrEqual(both ? 0 : 1);
    const kept = await positionsIn(place.source);
    for (const position of stored) expect(kept).toContain(position);
  }
});
