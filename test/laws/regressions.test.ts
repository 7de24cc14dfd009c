/** Shrunk counterexamples of the laws, kept and tried each time. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {encodeKey, type Fold} from '../../src/canonical/key.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {replicateRows} from '../helpers/tables.ts';
import {dump, insertRow, makeDb, tempFolder} from '../helpers/temp-db.ts';

describe('folded keys are one where a unique index sees one value', () => {
  type Pair = {readonly title: string; readonly fold: Fold; readonly a: string; readonly b: string};
  test.each(cases<Pair>('folded-keys'))('$fold: $title', ({fold, a, b}) => {
    const db = new BetterSqlite3(':memory:');
    db.exec(`CREATE TABLE folded (k COLLATE ${fold} UNIQUE)`);
    for (const text of [a, b]) db.prepare('INSERT OR IGNORE INTO folded VALUES (?)').run(text);
    const distinct = db.prepare('SELECT count(*) FROM folded').pluck().get();
    db.close();
    expect(new Set([a, b].map((text) => encodeKey([text], [fold]))).size).toBe(distinct);
  });
});

describe('link tables converge', () => {
  type Links = {
    readonly title: string;
    readonly columns: string;
    readonly primary: readonly (readonly (number | string)[])[];
    readonly replica: readonly (readonly (number | string)[])[];
  };
  test.each(cases<Links>('link-tables'))('$title', async ({columns, primary, replica}) => {
    const folder = tempFolder();
    const [from, to] = [primary, replica].map((rows, at) =>
      makeDb(join(folder, `${at}.db`), (db) => {
        db.exec(`CREATE TABLE link (${columns})`);
        for (const row of rows) insertRow(db, {table: 'link', cells: row.map(cellOf)});
      }),
    ) as [string, string];
    await replicateRows({from, to, request: {table: 'link', key: ['m', 't']}});
    expect(dump(to, 'link', ['m', 't'])).toEqual(dump(from, 'link', ['m', 't']));
  });
});

function cellOf(value: number | string): Cell {
  return typeof value === 'number' ? BigInt(value) : value;
}

function cases<T>(name: string): readonly T[] {
  const path = join(import.meta.dirname, '..', 'regressions', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as readonly T[];
}
