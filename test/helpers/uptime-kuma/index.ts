// Databases like those of Uptime Kuma, made without it. The same input gives the same rows.

import {knexMigrations, patchedFiles} from './migrations.ts';
import {insertOddValues} from './odd.ts';
import {hash, populate} from './populate.ts';
import {createStatements} from './schema.ts';
import type {ColumnOrder, KumaVersion} from './tables.ts';
import {schemaOf} from './tables.ts';
import type {Row, Writer} from './writer.ts';
import {writeTo} from './writer.ts';

export type {KumaVersion};

export type KumaOptions = {
  readonly version: KumaVersion;
  /** `native` unless told otherwise. */
  readonly columnOrder?: ColumnOrder;
};

type PopulatedKumaOptions = KumaOptions & {
  /** 40 unless told otherwise. */
  readonly monitors?: number;
  /** Per monitor; 5 unless told otherwise. */
  readonly heartbeats?: number;
  /** Lets the last monitor refer to a Docker host that does not exist. */
  readonly danglingDockerHost?: boolean;
};

/** Creates the schema, the rows that tell its version, and one user. The file must be new. */
export function buildEmptyKuma(path: string, options: KumaOptions): void {
  writeTo(path, (writer) => {
    start(writer, options);
  });
}

/** The same with a configuration of many monitors, and some history. */
export function buildPopulatedKuma(path: string, options: PopulatedKumaOptions): void {
  const {version, monitors = 40, heartbeats = 5, danglingDockerHost = false} = options;
  writeTo(path, (writer) => {
    start(writer, options);
    populate(writer, version, {monitors, heartbeats});
  });
  if (!danglingDockerHost) return;
  writeTo(
    path,
    ({db}) => {
      db.exec('UPDATE monitor SET docker_host = 77 WHERE id = (SELECT max(id) FROM monitor)');
    },
    {foreignKeys: false},
  );
}

/** Adds monitors and other rows of odd values; see `odd.ts` for their ids. */
export function addOddValues(path: string): void {
  writeTo(path, insertOddValues);
}

function start(writer: Writer, {version, columnOrder = 'native'}: KumaOptions): void {
  for (const [name, table] of schemaOf(version, columnOrder)) {
    for (const statement of createStatements(name, table)) writer.db.exec(statement);
  }
  writer.insertAll('setting', firstSettings(version, columnOrder));
  for (const [position, name] of knexMigrations(version).entries()) {
    const time = Date.UTC(2026, 10, 1, 7) + position;
    writer.insert('knex_migrations', {name, batch: 1, migration_time: time});
  }
  writer.insert('knex_migrations_lock', {is_locked: 0});
  writer.insert('user', {username: 'адмін', password: hash('user'), active: 1, twofa_status: 0});
}

function firstSettings(version: KumaVersion, order: ColumnOrder): Row[] {
  const aggregate: Row = {key: 'migrateAggregateTableState', value: '"migrated"'};
  const timeZone: Row[] = [
    {key: 'initServerTimezone', value: 'true'},
    {key: 'serverTimezone', value: '"Asia/Kathmandu"', type: 'general'},
  ];
  const rows: Row[] = [
    {key: 'database_version', value: '10'},
    {key: 'databasePatchedFiles', value: patchedFiles(version, order)},
  ];
  if (version === '2.5.3' && order === 'native') rows.push(aggregate);
  rows.push({key: 'jwtSecret', value: hash('jwt')});
  if (version !== '1.18.5') rows.push(...timeZone);
  if (version === '2.5.3' && order !== 'native') rows.push(aggregate);
  return rows;
}
