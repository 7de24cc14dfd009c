/** What a case of the trap corpus is: two databases that differ, and what has to become of it. */
import type {ErrorCode} from '../../src/index.ts';
import type {Cell} from '../../src/kernel/row.ts';

/** The traps of comparing and writing rows that can be met on SQLite, by the number that they go by. */
export const TRAPS = {
  0: 'no trap: the plain case',
  1: 'table without a key',
  2: 'NULL in a key',
  3: 'rowid taken for an identity',
  4: 'id used again for another row',
  5: 'keys that only look like the rowid',
  6: 'WITHOUT ROWID',
  7: 'keys equal under their collation only',
  8: 'order of keys',
  9: 'storage classes in one key',
  10: 'INTEGER or REAL',
  11: '64-bit integers',
  12: 'negative zero',
  13: 'infinity',
  14: 'reals as decimal text',
  15: 'text that is not UTF-8',
  16: 'NUL within text',
  17: 'lone surrogates',
  18: 'TEXT or BLOB',
  19: 'values that run together',
  21: 'generated columns',
  22: 'counters of AUTOINCREMENT',
  23: 'defaults and affinity on write',
  24: 'unique values that change places',
  25: 'REPLACE deletes other rows',
  28: 'order of references',
  29: 'ON DELETE into tables that are not replicated',
  30: 'dangling references',
  31: 'triggers',
  32: 'unique indexes on expressions or on some rows',
  33: 'an error halfway',
  34: 'settings of the database file',
  62: 'absent or empty',
  67: 'conflict clauses of the schema',
  68: 'parking under ON UPDATE actions',
  69: 'dangling references of the primary',
  73: 'declarations that no pragma shows',
  74: 'rows that follow by two ways',
  75: 'UTF-16 databases',
} as const;

export type Trap = keyof typeof TRAPS;

/** SQL that fills a database, or cells of whole rows by table. */
export type Rows = string | Readonly<Record<string, readonly (readonly Cell[])[]>>;

export type Pair<T> = T | {readonly primary: T; readonly replica: T};

export type Case = {
  /** Unique; a sentence about the two databases. */
  readonly name: string;
  readonly trap: Trap | readonly Trap[];
  /** The tables that are replicated. */
  readonly tables: readonly string[];
  readonly ddl: Pair<string>;
  readonly primary: Rows;
  readonly replica: Rows;
  /** Encoding of text in the database files; default UTF-8. */
  readonly encoding?: Pair<string>;
  readonly options?: CaseOptions;
  /** What is due to happen to the tables that are not replicated, as SQL; default nothing. */
  readonly local?: string;
  readonly expect: Expectation;
};

type CaseOptions = {
  /** Default: all tables of the case, so that the fuse is out of the way. */
  readonly allowDeletes?: readonly string[];
  readonly allowTriggers?: boolean;
  readonly keyless?: 'multiset';
};

export type Expectation =
  | 'converge'
  | {
      readonly refuse: ErrorCode;
      /** What message or site of the error must hold: a table, a column or a constraint. */
      readonly naming: string;
    };

/** Cases of one theme. */
export type Theme = {readonly title: string; readonly cases: readonly Case[]};

export function trapsOf({trap}: Case): readonly Trap[] {
  return typeof trap === 'number' ? [trap] : trap;
}

/** One side of what may be one for both. */
export function sideOf<T extends string>(both: Pair<T>, side: 'primary' | 'replica'): T {
  return typeof both === 'string' ? both : both[side];
}

/** What is said of it in one column of a table. */
export function expectationText(expected: Expectation): string {
  return expected === 'converge' ? 'converges' : `refuses (${expected.refuse})`;
}
