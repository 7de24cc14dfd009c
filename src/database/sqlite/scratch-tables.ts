/** Tables of our own, filled with rows that are to be read back: what a snapshot restores to. */
import BetterSqlite3 from 'better-sqlite3';
import type {WireRow} from '../../kernel/row.ts';
import type {ForeignKey} from '../../schema/table-schema.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import {affinityIn} from './column-types.ts';
import {translated} from './errors.ts';
import {fillTable} from './fill.ts';
import {compile, id, list, sql, type Sql} from './sql.ts';

export type ScratchTable = {
  readonly name: string;
  readonly columns: readonly ScratchColumn[];
  /** What identifies a row; empty where equal rows are allowed. Rows are read in its order without being sorted. */
  readonly primaryKey: readonly string[];
  /** That key is one column of integers, which the database gives elsewhere. */
  readonly keyIsAssigned: boolean;
  /** To tables that are made too, by columns that are there. */
  readonly foreignKeys: readonly ForeignKey[];
};

type ScratchColumn = {
  readonly name: string;
  /** Type as it is declared elsewhere, upper case. */
  readonly declared: string;
  /** One of SQLite's own. */
  readonly collation: string;
};

/** A file that is not there yet. Nothing of it is flushed: it does not outlast the process. */
export class ScratchTables {
  readonly #connection: BetterSqlite3.Database;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#connection = new BetterSqlite3(path);
    for (const pragma of ['journal_mode = OFF', 'synchronous = OFF', 'foreign_keys = OFF'])
      this.#connection.pragma(pragma);
  }

  create(tables: readonly ScratchTable[]): void {
    this.#do(() => {
      for (const table of tables) this.#run(tableSql(table));
      // Looking for each row referred to would read the whole table.
      for (const [at, {parent, parentColumns}] of unindexed(tables).entries())
        this.#run(
          sql`CREATE INDEX ${id(`rowplica ${at}`)} ON ${id(parent)} (${list(parentColumns.map(id))})`,
        );
    });
  }

  /** @throws {EngineError} `CONSTRAINT` for two rows of one key. */
  insert(shape: TableShape, rows: Iterable<WireRow>): void {
    const write = this.#connection.transaction(() => fillTable(this.#connection, shape, rows));
    this.#do(write);
  }

  close(): void {
    this.#connection.close();
  }

  #run(statement: Sql): void {
    this.#connection.prepare(compile(statement).text).run();
  }

  #do(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw translated(error, `cannot write ${this.#path}`, {path: this.#path});
    }
  }
}

/** Columns that rows refer to, each list once, without those that are a key and have an index by that. */
function unindexed(tables: readonly ScratchTable[]): readonly Referred[] {
  const keys = new Set(tables.map(({name, primaryKey}) => JSON.stringify([name, primaryKey])));
  const referred = new Map(
    tables
      .flatMap(({foreignKeys}) => foreignKeys)
      .map(({parent, parentColumns}) => [
        JSON.stringify([parent, parentColumns]),
        {parent, parentColumns},
      ]),
  );
  return [...referred].filter(([name]) => !keys.has(name)).map(([, columns]) => columns);
}

type Referred = Pick<ForeignKey, 'parent' | 'parentColumns'>;

function tableSql({name, columns, primaryKey, keyIsAssigned, foreignKeys}: ScratchTable): Sql {
  const declared = columns.map(
    (column) =>
      sql`${id(column.name)} ${sql.raw(typeOf(column, keyIsAssigned ? primaryKey : []))} COLLATE ${id(column.collation)}`,
  );
  const key = primaryKey.length === 0 ? [] : [sql`PRIMARY KEY (${list(primaryKey.map(id))})`];
  const references = foreignKeys.map(
    (each) =>
      sql`FOREIGN KEY (${list(each.columns.map(id))}) REFERENCES ${id(each.parent)} (${list(each.parentColumns.map(id))})`,
  );
  return sql`CREATE TABLE ${id(name)} (${list([...declared, ...key, ...references])})`;
}

/** INTEGER, of all types, would make a key that SQLite assigns, which holds nothing but integers. */
function typeOf({name, declared}: ScratchColumn, assigned: readonly string[]): string {
  return assigned.includes(name) ? 'INTEGER' : AFFINITY_TYPES[affinityIn(declared, true)];
}

/** What came out of a column goes unchanged into one of the same affinity; a column of type ANY elsewhere has converted it already. */
const AFFINITY_TYPES: Readonly<Record<ReturnType<typeof affinityIn>, string>> = {
  integer: 'INT',
  real: 'REAL',
  numeric: 'NUMERIC',
  text: 'TEXT',
  none: 'BLOB',
};
