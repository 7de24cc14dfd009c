// Compat steps and the tables of real databases, as `src/compat` takes them.

import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {expect} from 'vitest';
import {compileSteps} from '../../src/compat/lift.ts';
import {readSteps, type CompatFile} from '../../src/compat/read-steps.ts';
import type {Step} from '../../src/compat/step.ts';
import type {LiftColumn, SourceTable} from '../../src/compat/table-draft.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {uptimeKuma} from '../../src/profiles/uptime-kuma/profile.ts';

type Rows = readonly (readonly Cell[])[];

/** The replicated part of a database: each table as it is declared, and its rows. */
export type Replicated = ReadonlyMap<string, {readonly table: SourceTable; readonly rows: Rows}>;

const ignored = new Map(uptimeKuma.tables.map(({table, ignore}) => [table, ignore ?? []]));

/** All steps of the project for Uptime Kuma. */
export function kumaSteps(): readonly Step[] {
  const folder = join(import.meta.dirname, '../../migrations-compat/uptime-kuma');
  const files = readdirSync(folder).map((file): CompatFile => {
    const path = join(folder, file);
    const name = file.replace(/\.yaml$/, '');
    return {path: file, folder: 'uptime-kuma', name, text: readFileSync(path, 'utf8')};
  });
  return readSteps(files);
}

/** One step that says what a test wants it to say. */
export function stepOf(yaml: string, name = 'a'): Step {
  const text = `format: 1\napplication: app\nsummary: A test.\nmigrations: [${name}]\n${yaml}`;
  const [step] = readSteps([{path: `${name}.yaml`, folder: 'app', name, text}]);
  if (step === undefined) throw new Error('There is no step');
  return step;
}

export function readReplicated(path: string): Replicated {
  const db = new Database(path, {readonly: true});
  try {
    return replicatedIn(db);
  } finally {
    db.close();
  }
}

/** Tables that the profile replicates, without the columns that it ignores and the ids of link tables. */
export function replicatedIn(db: Database.Database): Replicated {
  const found = uptimeKuma.tables
    .filter(({defaults}) => defaults?.policy !== 'off')
    .flatMap(({table: name, key}) => {
      const columns = columnsOf(db, name);
      if (columns.length === 0) return [];
      const omitted = key === undefined ? (ignored.get(name) ?? []) : ['id'];
      const here = columns.filter((column) => !omitted.includes(column.name));
      const table: SourceTable = {
        name,
        columns: here,
        omitted: columns.filter((column) => !here.includes(column)).map((column) => column.name),
        key: key ?? ['id'],
      };
      const list = here.map((column) => `"${column.name}"`).join(', ');
      const rows = db.prepare(`SELECT ${list} FROM "${name}"`).raw().safeIntegers().all() as Rows;
      return [[name, {table, rows}] as const];
    });
  return new Map(found);
}

function columnsOf(db: Database.Database, table: string): readonly LiftColumn[] {
  const info = db.prepare('SELECT name, type, "notnull" FROM pragma_table_info(?)').raw();
  const rows = info.all(table) as [string, string, number][];
  return rows.map(([name, type, notNull]) => ({
    name,
    declared: type.toUpperCase(),
    notNull: notNull === 1,
  }));
}

/** Applies steps to all tables and rows, those of which others have need first. */
export function takeSteps(
  steps: readonly Step[],
  direction: 'lift' | 'lower',
  from: Replicated,
): Replicated {
  const tables = [...from.values()].map(({table}) => table);
  const lifted = compileSteps(steps, direction, tables).toSorted(
    (a, b) => a.needs.length - b.needs.length,
  );
  return new Map(
    lifted.map((table) => {
      const rows = from.get(table.source)?.rows ?? [];
      const kept = rows.map((row) => table.lift(row)).filter((row) => row !== undefined);
      return [table.name, {table, rows: kept}];
    }),
  );
}

/** Steps from one set of migrations to a later one. */
export function stepsBetween(
  steps: readonly Step[],
  older: readonly string[],
  newer: readonly string[],
): readonly Step[] {
  const added = newer.filter((name) => !older.includes(name));
  return steps.filter(({migrations}) => migrations.some((name) => added.includes(name)));
}

/** Every table that both sides have holds the same rows, cell by cell and type by type, and is declared the same. */
export function expectSame(actual: Replicated, expected: Replicated): void {
  expect(declared(actual)).toEqual(declared(expected, actual));
  for (const [name, {table, rows}] of actual) {
    const other = expected.get(name);
    if (other === undefined) throw new Error(`There is no table "${name}"`);
    const names = table.columns.map((column) => column.name).filter((one) => travels(name, one));
    const ours = shown({table, rows}, names);
    expect(ours.toSorted(), name).toEqual(shown(other, names).toSorted());
  }
}

/** Of the tables of `like`, where it is given: a lift makes no table, and knows nothing of its rows. */
export function declared(of: Replicated, like: Replicated = of): Record<string, unknown> {
  const tables = [...of].filter(([name]) => like.has(name));
  return Object.fromEntries(
    tables.flatMap(([name, {table}]) =>
      table.columns
        .filter((column) => travels(name, column.name))
        .map((column) => [
          `${name}.${column.name}`,
          `${column.declared}${column.notNull ? '!' : ''}`,
        ]),
    ),
  );
}

/** A step adds a column that the profile ignores like any other. */
const travels = (table: string, column: string): boolean =>
  ignored.get(table)?.includes(column) !== true;

function shown(
  {table, rows}: {readonly table: SourceTable; readonly rows: Rows},
  names: readonly string[],
): readonly string[] {
  const places = names.map((name) => table.columns.findIndex((column) => column.name === name));
  return rows.map((row) =>
    names.map((name, at) => `${name}=${typed(row[places[at] ?? -1])}`).join('\n'),
  );
}

/** A value with its storage class: 1, 1.0 and '1' are three. */
function typed(cell: Cell | undefined): string {
  if (cell === undefined) return 'absent';
  if (cell === null) return 'null';
  if (typeof cell === 'number') return `real ${Object.is(cell, -0) ? '-0' : cell}`;
  if (typeof cell === 'object')
    return `bytes ${Buffer.from('textBytes' in cell ? cell.textBytes : cell).toString('hex')}`;
  return `${typeof cell === 'bigint' ? 'integer' : 'text'} ${JSON.stringify(cell.toString())}`;
}
