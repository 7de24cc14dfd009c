/** What a database declares about its tables, in terms that hold for every engine. */
import type {Fold} from '../canonical/key.ts';

/** What a column's values mean, whatever the engine calls it. `any` holds values of every kind. */
export const LOGICAL_TYPES = [
  'any',
  'integer',
  'real',
  'decimal',
  'numeric',
  'boolean',
  'text',
  'blob',
  'date',
  'time',
  'datetime',
  'interval',
  'json',
  'uuid',
  'enum',
  'array',
] as const;

export type LogicalType = (typeof LOGICAL_TYPES)[number];

export type ColumnSchema = {
  readonly name: string;
  readonly type: LogicalType;
  /** As declared, upper case, white space collapsed. */
  readonly declared: string;
  readonly notNull: boolean;
  /** Default as an expression in the engine's one spelling; undefined where it is NULL. */
  readonly default: string | undefined;
  /** Computed by the database: never written. */
  readonly generated: boolean;
  /** What a generated column is computed by, in one spelling. */
  readonly expression?: string | undefined;
  readonly collation: string;
  /** What the column makes of the values it stores: numbers of texts that look like them, texts of numbers, or nothing. */
  readonly stores: 'number' | 'text' | 'any';
};

export type UniqueIndex = {
  /** The name a person finds in the schema, or the columns where it has none. */
  readonly name: string;
  /** In index order. */
  readonly columns: readonly UniqueTerm[];
  /** Has a WHERE clause: holds for some rows only. */
  readonly partial: boolean;
  /** That clause, in one spelling. */
  readonly where?: string | undefined;
};

export type UniqueTerm = {
  /** Undefined for an expression. */
  readonly column: string | undefined;
  /** That expression, in one spelling. */
  readonly expression?: string | undefined;
  readonly collation: string;
};

export type ForeignKeyAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';

export type ForeignKey = {
  /** Table that holds the reference. */
  readonly table: string;
  readonly columns: readonly string[];
  readonly parent: string;
  /** Columns referenced, same length as `columns`. */
  readonly parentColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
};

export type Trigger = {
  readonly name: string;
  /** Tables that its body writes, its own excluded. Undefined where that could not be read. */
  readonly writes: readonly string[] | undefined;
};

export type KeyColumn = {
  readonly name: string;
  readonly fold: Fold | undefined;
  readonly collation: string;
};

export type TableSchema = {
  readonly name: string;
  readonly columns: readonly ColumnSchema[];
  /** The declared primary key, in its order; empty where there is none. */
  readonly primaryKey: readonly KeyColumn[];
  /** The key column is given by the database when an insert leaves it out. */
  readonly keyIsAssigned: boolean;
  /** Rows come in key order without sorting. */
  readonly keyIsOrdered: boolean;
  /**
   * Name under which an id can be read that the database keeps for itself (SQLite: rowid). It changes as the
   * database likes, and is good for one transaction. Undefined where there is none, or columns shadow its names.
   */
  readonly hiddenId?: string | undefined;
  readonly uniques: readonly UniqueIndex[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Conditions that rows have to meet, in one spelling. */
  readonly checks: readonly string[];
  readonly triggers: readonly Trigger[];
};

export type DatabaseSchema = {
  /** By table name, in byte order of the names. Views and the engine's own tables are not in it. */
  readonly tables: ReadonlyMap<string, TableSchema>;
};
