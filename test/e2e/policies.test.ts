/**
 * The recipes of docs/policies.md, with the configuration files that stand there: what a replica has of its own stays, everything
 * else follows the primary.
 */
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test, vi} from 'vitest';
import {loadConfig} from '../../src/config/config.ts';
import {capture, noProgress, silentLog, type ReplicateResult} from '../../src/index.ts';
import {environment, Instance, project} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute, type TypedRow} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

/** A replica, as the tests look at it. */
type Pair = {readonly primary: string; readonly replica: string};

type Recipe = {
  /** By which the page marks it. */
  readonly name: string;
  /** What a user of the replica does once. */
  readonly once: string;
  /** What a user of the replica does again and again. */
  readonly again?: string;
  /** What has to be so after every replicate. */
  readonly stands: (pair: Pair) => void;
};

type Dump = readonly TypedRow[];

const rowsOf = (path: string, table: string, without: readonly string[] = []): Dump =>
  dumpTable(path, table, {without: [...withoutOf(table), ...without]});

const isPush = ({type}: TypedRow): boolean =>
  type === `text ${Buffer.from('push').toString('hex')}`;

/** Tables in which the replica has nothing of its own are the primary's, row by row. */
function expectCopies({primary, replica}: Pair, except: readonly string[] = []): void {
  for (const table of [...replicated].filter((name) => !except.includes(name)))
    expect(rowsOf(replica, table), table).toEqual(rowsOf(primary, table));
  expect(complaints(replica)).toEqual([]);
}

const holds = (path: string, table: string, where: string): void =>
  expect(countRows(path, table, where), `${table}: ${where}`).toBe(1);

const ownProxy = "host = '10.9.8.7' AND port = 3128";
const changeProxy = "UPDATE proxy SET host = '10.9.8.7', port = 3128 WHERE id = 1";

const onReplicas: readonly Recipe[] = [
  {
    name: 'mute',
    once: `
      DELETE FROM monitor_notification WHERE monitor_id = 3 OR (monitor_id = 1 AND notification_id = 2);
      UPDATE monitor SET active = 0 WHERE id = 4`,
    stands: (pair) => {
      const {primary, replica} = pair;
      expectCopies(pair, ['monitor', 'monitor_notification']);
      expect(rowsOf(replica, 'monitor', ['active'])).toEqual(
        rowsOf(primary, 'monitor', ['active']),
      );
      holds(replica, 'monitor', 'id = 4 AND active = 0');
      const isMuted = ({monitor_id: of, notification_id: by}: TypedRow): boolean =>
        of === 'integer 3' || (of === 'integer 1' && by === 'integer 2');
      const there = rowsOf(primary, 'monitor_notification');
      expect(rowsOf(replica, 'monitor_notification')).toEqual(there.filter((row) => !isMuted(row)));
    },
  },
  {
    name: 'proxy',
    once: changeProxy,
    stands: (pair) => {
      expectCopies(pair, ['proxy']);
      holds(pair.replica, 'proxy', `id = 1 AND ${ownProxy}`);
      const others = (path: string): Dump =>
        rowsOf(path, 'proxy').filter(({id}) => id !== 'integer 1');
      expect(others(pair.replica)).toEqual(others(pair.primary));
    },
  },
  {
    name: 'proxy by columns',
    once: changeProxy,
    stands: (pair) => {
      expectCopies(pair, ['proxy']);
      holds(pair.replica, 'proxy', `id = 1 AND ${ownProxy}`);
      const others = (path: string): Dump => rowsOf(path, 'proxy', ['host', 'port']);
      expect(others(pair.replica)).toEqual(others(pair.primary));
    },
  },
  {
    name: 'mirror',
    once: '',
    again: `
      UPDATE monitor SET name = 'edited here', active = 0 WHERE id IN (3, 5);
      DELETE FROM monitor_notification WHERE monitor_id = 4;
      INSERT INTO tag (name, color) VALUES ('of the replica', '#fff');
      DELETE FROM proxy WHERE id = 2`,
    stands: (pair) => expectCopies(pair),
  },
];

const everywhere: readonly Recipe[] = [
  {
    name: 'push',
    once: `
      INSERT INTO monitor (name, type, push_token, interval, user_id, timeout, parent)
        VALUES ('own push', 'push', 'own', 60, 1, 48, 1);
      INSERT INTO monitor_notification (monitor_id, notification_id)
        SELECT id, 1 FROM monitor WHERE push_token = 'own';
      INSERT INTO heartbeat (monitor_id, status, time)
        SELECT id, 1, '2026-11-01' FROM monitor WHERE push_token = 'own'`,
    stands: (pair) => {
      const {primary, replica} = pair;
      const links = ['monitor_group', 'monitor_maintenance', 'monitor_notification', 'monitor_tag'];
      expectCopies(pair, ['monitor', ...links]);
      const others = rowsOf(primary, 'monitor').filter((row) => !isPush(row));
      expect(rowsOf(replica, 'monitor').filter((row) => !isPush(row))).toEqual(others);
      const shown = new Set(others.map(({id}) => id));
      for (const table of links) {
        const theirs = rowsOf(primary, table).filter(({monitor_id: of}) => shown.has(of));
        const ours = rowsOf(replica, table).filter(({monitor_id: of}) => of !== 'integer 100000');
        expect(ours, table).toEqual(theirs);
      }
      holds(replica, 'monitor', "type = 'push'");
      holds(replica, 'monitor', "id = 100000 AND push_token = 'own' AND parent = 1");
      holds(replica, 'monitor_notification', 'monitor_id = 100000');
      holds(replica, 'heartbeat', 'monitor_id = 100000');
    },
  },
];

/** Monitors are renamed, paused and saved (which remakes their links), others come and go; so do proxies and push monitors. */
const news = (n: number): string => `
  UPDATE monitor SET name = 'name ' || ${n} WHERE id IN (3, 4, 9, 12);
  UPDATE monitor SET active = ${n % 2} WHERE id IN (4, 5);
  DELETE FROM monitor_notification WHERE monitor_id = 3;
  INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (3, 1);
  INSERT INTO monitor (id, name, type, interval, user_id, timeout)
    VALUES (${200 + n}, 'new', 'http', 60, 1, 48), (${1000 + n}, 'new', 'push', 60, 1, 48);
  INSERT INTO monitor_notification (monitor_id, notification_id)
    VALUES (${200 + n}, 1), (${1000 + n}, 1);
  DELETE FROM monitor WHERE id IN (${198 + n}, ${998 + n});
  UPDATE proxy SET port = 4000 + ${n}, active = ${n % 2} WHERE id = 1;
  INSERT INTO proxy (id, user_id, protocol, host, port, auth) VALUES (${20 + n}, 1, 'http', 'h', ${n}, 0);
  DELETE FROM proxy WHERE id = ${18 + n};
  UPDATE tag SET name = 'tag ' || ${n} WHERE id = 1`;

/** The configuration file of a recipe. */
function fileOf({name}: Recipe, folder: string): string {
  const page = readFileSync(join(project, 'docs/policies.md'), 'utf8');
  const [, yaml] = page.split(`<!-- recipe: ${name} -->\n\n\`\`\`yaml\n`);
  if (yaml === undefined) throw new Error(`docs/policies.md has no recipe "${name}"`);
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, yaml.slice(0, yaml.indexOf('```')));
  return path;
}

/** A primary, and for each recipe a replica of it. Each command is a process of its own. */
class Fleet {
  readonly #replicas: readonly {recipe: Recipe; instance: Instance; config: string}[];
  readonly #primary: Instance;
  readonly #config: string | undefined;
  #news = 0;

  constructor(recipes: readonly Recipe[], isEverywhere: boolean, storeKind = 'dir') {
    const folder = temporaryFolder();
    const store = `${storeKind}:${join(folder, 'store')}`;
    const database = join(folder, 'primary.db');
    buildPopulatedKuma(database, {version: '2.5.3', monitors: 14, heartbeats: 1});
    this.#primary = new Instance({database, store});
    this.#replicas = recipes.map((recipe) => {
      const path = join(folder, `${recipe.name}.db`);
      buildEmptyKuma(path, {version: '2.5.3'});
      const config = fileOf(recipe, folder);
      return {recipe, config, instance: new Instance({database: path, store})};
    });
    this.#config = isEverywhere ? this.#replicas[0]?.config : undefined;
  }

  /** The primary goes on, and tells of it. */
  async goOn(): Promise<void> {
    execute(this.#primary.database, news(++this.#news));
    await this.capture();
  }

  async capture(): Promise<void> {
    const config = this.#config === undefined ? [] : ['--config', this.#config];
    expect(await this.#primary.capture(...config)).toMatchObject({changed: true});
  }

  /** Many snapshots, without a process for each: only the replicas are looked at here. */
  async goOnFor(snapshots: number): Promise<void> {
    const {database, store, state} = this.#primary;
    const config = loadConfig({file: this.#config, env: {}, flags: {database, store, state}});
    for (let n = 0; n < snapshots; n++) {
      execute(database, news(++this.#news));
      const how = {env: environment(), log: silentLog, progress: noProgress};
      expect(await capture({...config, database, ...how})).toMatchObject({changed: true});
    }
  }

  async replicate(): Promise<readonly ReplicateResult[]> {
    return Promise.all(
      this.#replicas.map(({instance, config}) => instance.replicate('--config', config)),
    );
  }

  edit(sqlOf: (recipe: Recipe) => string): void {
    for (const {recipe, instance} of this.#replicas) execute(instance.database, sqlOf(recipe));
  }

  /** Everyone edits as the recipes say, and replicates. */
  async expectStanding(): Promise<void> {
    this.edit(({again = ''}) => again);
    await this.replicate();
    for (const {recipe, instance} of this.#replicas)
      recipe.stands({primary: this.#primary.database, replica: instance.database});
  }

  /** The same snapshot once more writes nothing. */
  async expectIdle(): Promise<void> {
    for (const {applied, tables, cascades, conflicts} of await this.replicate()) {
      const written = Object.values(tables).flatMap((counts) => Object.values<number>(counts));
      expect({applied, cascades, conflicts}).toEqual({
        applied: false,
        cascades: {},
        conflicts: [],
      });
      expect(written.filter((count) => count > 0)).toEqual([]);
    }
  }

  /** All that the replicas keep beside their databases is gone. */
  loseState(): void {
    for (const {instance} of this.#replicas) rmSync(instance.state, {recursive: true});
  }
}

async function started(fleet: Fleet): Promise<Fleet> {
  await fleet.capture();
  await fleet.replicate();
  fleet.edit(({once}) => once);
  await fleet.expectStanding();
  return fleet;
}

// On a machine that does much else, each of the hundreds of processes takes its time.
vi.setConfig({testTimeout: 400_000});

describe.each([
  ['on replicas', onReplicas, false],
  ['on every instance', everywhere, true],
])('recipes for configurations %s', (_, recipes, isEverywhere) => {
  const fleet = new Fleet(recipes, isEverywhere);

  test('stand through ten snapshots, each applied by a new process', async () => {
    await started(fleet);
    for (let n = 0; n < 10; n++) {
      await fleet.goOn();
      await fleet.expectStanding();
    }
    await fleet.expectIdle();
  });

  test('stand after the state folder was lost, and the changes of the primary arrive', async () => {
    fleet.loseState();
    await fleet.expectStanding();
    await fleet.goOn();
    fleet.loseState();
    await fleet.expectStanding();
    await fleet.expectIdle();
  });

  test('stand after the replica was away for fifty snapshots', async () => {
    await fleet.goOnFor(50);
    await fleet.expectStanding();
    await fleet.expectIdle();
  });
});

test('they stand through restic too, also after the state folder was lost', async () => {
  const fleet = await started(new Fleet(onReplicas.slice(0, 1), false, 'restic'));
  await fleet.goOn();
  await fleet.expectStanding();
  await fleet.goOn();
  fleet.loseState();
  await fleet.expectStanding();
});
