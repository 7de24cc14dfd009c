import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {encodeCell, decodeCell, textOfBytes} from '../../src/canonical/cell.ts';
import {sqliteView} from '../../src/database/sqlite/view.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {cells, integers, reals, runs, texts} from '../helpers/arbitraries.ts';
import {dumpRows, insertRow, typed} from '../helpers/temp-db.ts';
import {allRows} from '../helpers/tables.ts';

const loose = ['', 'INTEGER', 'INT', 'TEXT', 'REAL', 'DOUBLE', 'NUMERIC', 'BLOB', 'BOOLEAN'];
const odd = [
  'DECIMAL(10,2)',
  'DATETIME',
  'VARCHAR(255)',
  'FLOATING POINT',
  'ANY',
  'JSON',
  'CHARINT',
];
const strict = ['INTEGER', 'INT', 'TEXT', 'REAL', 'BLOB', 'ANY'];

/** A table `t (id, c0, c1, …)` and rows for it; those that STRICT refuses are left out. */
const tables = fc.boolean().chain((isStrict) =>
  fc
    .array(fc.constantFrom(...(isStrict ? strict : [...loose, ...odd])), {
      minLength: 1,
      maxLength: 4,
    })
    .chain((types) => {
      const plain = fc.oneof(integers(), reals(), texts(), fc.constant(null));
      const row = fc.array(fc.oneof(plain, cells()), {
        minLength: types.length,
        maxLength: types.length,
      });
      return fc.record({
        types: fc.constant(types),
        isStrict: fc.constant(isStrict),
        rows: fc.array(row, {maxLength: 5}),
      });
    }),
);

test('law: rows read the fast way are those that SQLite itself tells by type and bytes', async () => {
  await fc.assert(
    fc.asyncProperty(tables, async ({types, isStrict, rows}) => {
      const db = new BetterSqlite3(':memory:');
      try {
        const columns = types.map((_, at) => `c${at}`);
        const declared = columns.map((name, at) => `${name} ${types[at]}`).join(', ');
        db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, ${declared})${isStrict ? ' STRICT' : ''}`);
        rows.forEach((row, at) => insertRow(db, {table: 't', cells: [BigInt(at + 1), ...row]}));

        const {shape, rows: read} = await allRows(sqliteView(db), {table: 't'});
        const names = shape.columns.map(({name}) => name);
        const told = read.map((row) => row.cells.map(decodeCell).map(typed).join(' | '));
        expect(told.sort()).toEqual(dumpRows(db, 't', names));
        expect(read.map(({text}) => text)).toEqual(independentTexts(db, names));
        expect(read.map(({cells: wire}) => JSON.stringify(wire))).toEqual(
          read.map(({text}) => text),
        );
      } finally {
        db.close();
      }
    }),
    runs,
  );
});

test('law: one row at its address is the row of the scan', async () => {
  await fc.assert(
    fc.asyncProperty(tables, async ({types, isStrict, rows}) => {
      const db = new BetterSqlite3(':memory:');
      try {
        const declared = types.map((type, at) => `c${at} ${type}`).join(', ');
        db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, ${declared})${isStrict ? ' STRICT' : ''}`);
        rows.forEach((row, at) => insertRow(db, {table: 't', cells: [BigInt(at + 1), ...row]}));
        const view = sqliteView(db);
        const {shape, rows: read} = await allRows(view, {table: 't'});
        for (const row of read) {
          const id = decodeCell(row.cells[shape.columns.findIndex(({name}) => name === 'id')]);
          expect(await view.rowAt(shape, [{column: 'id', is: id}])).toMatchObject({
            key: row.key,
            text: row.text,
          });
        }
      } finally {
        db.close();
      }
    }),
    runs,
  );
});

/** The plain encoder: every value by its own type, in key order, with nothing taken from the reader. */
function independentTexts(db: BetterSqlite3.Database, names: readonly string[]): readonly string[] {
  const list = names.flatMap((name) => [`typeof(${name})`, `hex(${name})`, `${name}`]);
  const raw = db
    .prepare(`SELECT ${list.join(', ')} FROM t ORDER BY id`)
    .raw(true)
    .safeIntegers(true)
    .all() as readonly (readonly unknown[])[];
  return raw.map((row) => {
    const wire = names.map((_, at) => {
      const [type, hex, value] = row.slice(at * 3, at * 3 + 3);
      const isBytes = type === 'text' || type === 'blob';
      const bytes = isBytes ? new Uint8Array(Buffer.from(String(hex), 'hex')) : undefined;
      if (bytes === undefined) return encodeCell(value as Cell);
      return encodeCell(type === 'text' ? textOfBytes(bytes) : bytes);
    });
    return JSON.stringify(wire);
  });
}
