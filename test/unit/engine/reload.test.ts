/** What a running application is to be told of, by the records of applies: also where one is damaged, too long, or was undone. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {reload, reloaded, type ReloadResult} from '../../../src/engine/reload.ts';
import {noProgress, silentLog} from '../../../src/index.ts';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';

/** As much of Uptime Kuma as its profile goes by. */
const ddl = `CREATE TABLE monitor (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, active BOOLEAN DEFAULT 1, user_id INTEGER);
  CREATE TABLE heartbeat (id INTEGER PRIMARY KEY);
  CREATE TABLE setting (id INTEGER PRIMARY KEY, "key" TEXT UNIQUE, value TEXT, type TEXT);
  CREATE TABLE notification (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE monitor_notification (id INTEGER PRIMARY KEY, monitor_id INTEGER, notification_id INTEGER)`;

class Place {
  readonly instances: Instances = makeInstances({
    ddl,
    primary: "INSERT INTO monitor (id, name, user_id) VALUES (1, 'a', 1)",
    replica: '',
  });

  /** After a first apply that the application knows of. */
  static async told(): Promise<Place> {
    const place = new Place();
    await place.edit('SELECT 1');
    await place.settle();
    return place;
  }

  async edit(sql: string): Promise<void> {
    write(this.instances.primary, sql);
    await this.instances.capture();
    await this.instances.replicate();
  }

  async settle(): Promise<void> {
    await reloaded(this.#options, undefined);
  }

  /** What it would be told, told by nobody. */
  async untold(): Promise<ReloadResult> {
    const nowhere = {url: undefined, user: undefined, password: undefined, timeoutMs: 100};
    const nobody = {isTelling: false, mayRestart: true, isRunning: false};
    return reload(this.#options, {...nowhere, ...nobody});
  }

  onState(sql: string): void {
    const {replica} = this.instances;
    const db = new BetterSqlite3(join(`${replica}-state`, 'instances', 'replica.db', 'state.db'));
    db.exec(sql);
    db.close();
  }

  get #options() {
    const {replica} = this.instances;
    const database = {database: replica, state: `${replica}-state`};
    return {...database, env: {}, log: silentLog, progress: noProgress};
  }
}

const rename = (name: string): string => `UPDATE monitor SET name = '${name}' WHERE id = 1`;

test('an apply is to be told until it was', async () => {
  const place = await Place.told();
  expect(await place.untold()).toMatchObject({outcome: 'unneeded', through: null});
  await place.edit(rename('b'));
  for (const _ of [1, 2])
    expect(await place.untold()).toMatchObject({outcome: 'failed', tables: ['monitor']});
  await place.settle();
  expect(await place.untold()).toMatchObject({outcome: 'unneeded', through: null});
});

describe('a restart is due, and said once, where the record of an apply', () => {
  test.each([
    ['is cut short', 'body = substr(body, 1, length(body) - 3)', 'damaged'],
    ['lost its manifest', "manifest = x'00ff'", 'damaged'],
    ['is too long', "body = body || printf('%.*c', 5000000, ' ')", 'too long'],
  ])('%s', async (_, damage, reason) => {
    const place = await Place.told();
    await place.edit(rename('b'));
    place.onState(`UPDATE changeset SET ${damage} WHERE id = (SELECT max(id) FROM changeset)`);
    const said = {outcome: 'restart', reason: expect.stringContaining(reason)};
    expect(await place.untold()).toMatchObject(said);
    expect(await place.untold()).toMatchObject({...said, through: null});
    await place.settle();
    expect(await place.untold()).toMatchObject({outcome: 'unneeded', reason: null});
  });
});

describe('an undo', () => {
  const undone = {outcome: 'restart', reason: expect.stringContaining('was undone')};

  test('of what was told asks for a restart', async () => {
    const place = await Place.told();
    await place.edit(rename('b'));
    await place.settle();
    await place.instances.undo();
    expect(await place.untold()).toMatchObject(undone);
    await place.settle();
    expect(await place.untold()).toMatchObject({outcome: 'unneeded'});
  });

  test('is not forgotten for the apply of a newer snapshot, which may keep what it put back', async () => {
    const place = await Place.told();
    await place.edit(rename('b'));
    await place.settle();
    await place.instances.undo();
    await place.edit(`${rename('a')}; INSERT INTO notification VALUES (1, 'n')`);
    expect(await place.untold()).toMatchObject({...undone, tables: ['notification']});
  });

  test('of what was not told needs no telling', async () => {
    const place = await Place.told();
    await place.edit(rename('b'));
    await place.instances.undo();
    expect(await place.untold()).toMatchObject({outcome: 'unneeded', through: null});
  });
});

test('a reason that is due already is not added to itself', async () => {
  const place = await Place.told();
  const orphan = 'UPDATE monitor SET user_id = NULL';
  await place.edit(orphan);
  const {reason} = await place.untold();
  expect(reason).toContain('monitor[id=1] belongs to no user');
  for (const name of ['c', 'd']) {
    await place.edit(`${rename(name)}; INSERT INTO monitor (name) VALUES ('${name}')`);
    const next = await place.untold();
    expect(next.reason?.match(/monitor\[id=1\]/g)).toHaveLength(1);
  }
});
