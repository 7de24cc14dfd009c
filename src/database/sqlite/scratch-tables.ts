/** Tables of our own, filled with rows that are to be read back: what a snapshot restores to. */
import BetterSqlite3 from 'better-sqlite3';
import type {Cell} from '../../kernel/row.ts';
import type {ForeignKey} from '../../schema/table-schema.ts';
import {affinityIn} from './column-types.ts';
import {translated} from './errors.ts';
import {compile, id, list, sql, type Sql} from './sql.ts';
import {preparedWrite, writeParameters} from './statements.ts';

export type ScratchTable = {
  readonly name: string;
  readonly columns: readonly ScratchColumn[];
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
      const keys = tables.flatMap(({foreignKeys}) => foreignKeys);
      const indexes = new Map(
        keys.map(({parent, parentColumns}) => [
          JSON.stringify([parent, parentColumns]),
          {parent, parentColumns},
        ]),
      );
      // Looking for each row referred to would read the whole table.
      for (const [at, {parent, parentColumns}] of [...indexes.values()].entries())
        this.#run(
          sql`CREATE INDEX ${id(`rowplica ${at}`)} ON ${id(parent)} (${list(parentColumns.map(id))})`,
        );
    });
  }

  insert(table: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const write = this.#connection.transaction(() => {
      for (const cells of rows) {
        const statement = {op: 'insert', table, columns, cells} as const;
        preparedWrite(this.#connection, statement).run(...writeParameters(statement));
      }
    });
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

function tableSql({name, columns, foreignKeys}: ScratchTable): Sql {
  const declared = columns.map(
    (column) =>
      sql`${id(column.name)} ${sql.raw(AFFINITY_TYPES[affinityIn(column.declared, true)])} COLLATE ${id(column.collation)}`,
  );
  const references = foreignKeys.map(
    (key) =>
      sql`FOREIGN KEY (${list(key.columns.map(id))}) REFERENCES ${id(key.parent)} (${list(key.parentColumns.map(id))})`,
  );
  return sql`CREATE TABLE ${id(name)} (${list([...declared, ...references])})`;
}

/** What came out of a column goes unchanged into one of the same affinity; a column of type ANY elsewhere has converted it already. */
const AFFINITY_TYPES: Readonly<Record<ReturnType<typeof affinityIn>, string>> = {
  integer: 'INTEGER',
  real: 'REAL',
  numeric: 'NUMERIC',
  text: 'TEXT',
  none: 'BLOB',
};
