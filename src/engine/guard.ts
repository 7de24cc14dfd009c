/** Whether a snapshot's rows mean the same in this database: same application version, same tables. */
import {EngineError} from '../kernel/errors.ts';
import {hasFingerprint} from '../schema/fingerprint.ts';
import {compareNames} from '../schema/names.ts';
import type {DatabaseSchema, TableSchema} from '../schema/table-schema.ts';
import {shapeTable, type TableRequest} from '../schema/table-shape.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import {followKeyless, type Keyless} from './keyless.ts';

/**
 * @throws {EngineError} `VERSION_MISMATCH` naming migrations; `SCHEMA_MISMATCH` naming table and column.
 */
export function guard(
  manifest: Manifest,
  schema: DatabaseSchema,
  {version, requests, keyless}: Here,
): void {
  if (hasVersion(manifest)) guardVersion(manifest.source, version);
  for (const table of manifest.tables) {
    const request = requests.find((candidate) => candidate.table === table.name) ?? {
      table: table.name,
    };
    guardTable(table, schema.tables.get(table.name), (ours) =>
      followKeyless(shapeOf(table), ours, request, keyless),
    );
  }
}

/** What is known of this database. */
export type Here = {
  /** Names of the migrations applied to it. */
  readonly version: readonly string[];
  /** How its profile wants tables to be compared; others go by their primary keys. */
  readonly requests: readonly TableRequest[];
  readonly keyless: Keyless;
};

/** The first releases read versions by profiles alone; their fingerprints tell them apart. */
function hasVersion({source, tables}: Manifest): boolean {
  const isFormer = tables.every(({fingerprint}) => fingerprint.startsWith('f1:'));
  return source.application !== null || source.version.length > 0 || !isFormer;
}

function guardVersion(
  {version: theirs, application}: Manifest['source'],
  ours: readonly string[],
): void {
  const missingHere = theirs.filter((name) => !ours.includes(name));
  const missingThere = ours.filter((name) => !theirs.includes(name));
  // Where nothing at all is known on one side, it may only have been told where to look on the other.
  const orTold = application === null && (theirs.length === 0 || ours.length === 0);
  const tell = orTold ? ', or name the table of its migrations on both (--migrations-table)' : '';
  if (missingHere.length > 0)
    throw versionMismatch(
      `this database lacks ${named(missingHere)}`,
      `Upgrade the application on this instance${tell}.`,
    );
  if (missingThere.length > 0)
    throw versionMismatch(
      `the snapshot comes from a database without ${named(missingThere)}`,
      `Upgrade the application on the primary${tell}.`,
    );
}

function versionMismatch(why: string, hint: string): EngineError {
  return new EngineError('VERSION_MISMATCH', `the snapshot cannot be applied: ${why}`, {hint});
}

const NAMES_SHOWN = 5;

function named(migrations: readonly string[]): string {
  const shown = migrations.slice(0, NAMES_SHOWN).join(', ');
  const more =
    migrations.length > NAMES_SHOWN ? ` and ${migrations.length - NAMES_SHOWN} more` : '';
  return `${migrations.length === 1 ? 'migration' : 'migrations'} ${shown}${more}`;
}

function guardTable(
  theirs: ManifestTable,
  ours: TableSchema | undefined,
  requestOf: (ours: TableSchema) => TableRequest,
): void {
  if (ours === undefined) throw mismatch(theirs.name, undefined, 'this database does not have it');
  const mine = new Map(ours.columns.map((column) => [column.name, column]));
  for (const column of theirs.columns) {
    const here = mine.get(column.name);
    if (here === undefined || here.generated)
      throw mismatch(theirs.name, column.name, 'this database does not have it');
    if (here.declared !== column.declared) {
      throw mismatch(
        theirs.name,
        column.name,
        `it is ${here.declared || 'untyped'} here and ${column.declared || 'untyped'} in the snapshot`,
      );
    }
    if (here.notNull !== column.notNull) {
      throw mismatch(
        theirs.name,
        column.name,
        `it is ${here.notNull ? 'NOT NULL' : 'nullable'} only here`,
      );
    }
  }
  const request = requestOf(ours);
  const isSame = hasFingerprint(ours, theirs.fingerprint);
  if (isSame === undefined) throw unknownRule(theirs.name);
  if (!isSame) throw otherColumns(theirs, ours, request);
  if (JSON.stringify(shapeTable(ours, request)) === JSON.stringify(shapeOf(theirs))) return;
  throw mismatch(
    theirs.name,
    undefined,
    'the snapshot identifies its rows otherwise, or leaves other columns out',
  );
}

/** Names what else differs, as far as the manifest tells, now that every captured column has the same type. */
function otherColumns(
  theirs: ManifestTable,
  ours: TableSchema,
  request: TableRequest,
): EngineError {
  const there = new Set([...theirs.columns.map((column) => column.name), ...theirs.omitted]);
  const here = new Set(ours.columns.map((column) => column.name));
  const onlyHere = [...here].filter((name) => !there.has(name)).sort(compareNames)[0];
  if (onlyHere !== undefined)
    return mismatch(theirs.name, onlyHere, 'the snapshot does not have it');
  const onlyThere = theirs.omitted.find((name) => !here.has(name));
  if (onlyThere !== undefined)
    return mismatch(theirs.name, onlyThere, 'this database does not have it');
  const travels = ours.columns.find(
    ({name, generated}) =>
      !generated && theirs.omitted.includes(name) && !staysHere(ours, request, name),
  );
  if (travels !== undefined)
    return mismatch(theirs.name, travels.name, 'it is a plain column only here');
  if (theirs.key.kind === 'primary' && !sameKey(ours.primaryKey, theirs.key.columns))
    return mismatch(theirs.name, undefined, 'its primary key is declared otherwise');
  return mismatch(
    theirs.name,
    undefined,
    // A manifest holds no more of these than the fingerprint.
    'a default, a constraint, a unique index, or a column that does not travel is declared otherwise',
  );
}

type KeyPart = {readonly name: string; readonly fold: string | undefined};

function sameKey(here: readonly KeyPart[], there: readonly KeyPart[]): boolean {
  const told = (key: readonly KeyPart[]): string =>
    JSON.stringify(key.map(({name, fold}) => [name, fold]));
  return told(here) === told(there);
}

/** True for what a profile leaves out, and for ids of rows that are matched otherwise. */
function staysHere(ours: TableSchema, request: TableRequest, name: string): boolean {
  if (request.ignore?.includes(name)) return true;
  return request.key !== undefined && ours.primaryKey.some((column) => column.name === name);
}

function unknownRule(table: string): EngineError {
  return new EngineError(
    'SCHEMA_MISMATCH',
    `the snapshot cannot be applied: the fingerprint of table "${table}" follows a rule that this Rowplica does not know`,
    {site: {table}, hint: 'Upgrade Rowplica on this instance.'},
  );
}

export function mismatch(table: string, column: string | undefined, why: string): EngineError {
  const what = column === undefined ? `table "${table}"` : `column "${table}.${column}"`;
  return new EngineError('SCHEMA_MISMATCH', `the snapshot cannot be applied: ${what}: ${why}`, {
    site: {table, column},
    hint: 'Bring the application to the same version on both instances.',
  });
}
