/** A case of the policy model: two databases of one schema that are edited on both sides, and brought together in rounds. Plain JSON. */
import {quoted, type RowSpec, type TableSpec} from '../cases.ts';

/** Where a setting holds: on both instances, or on one of them. */
type Place = 'both' | 'primary' | 'replica';

/** SQL literals. */
type WhereSpec = {
  readonly column: string;
  readonly values: readonly string[];
  readonly isNot: boolean;
  readonly at: Place;
};

export type PolicySpec = {
  readonly policy: 'mirror' | 'merge' | 'seed' | 'off';
  readonly onConflict?: 'primaryWins' | 'replicaWins' | 'fail';
  readonly drift?: 'repair' | 'keep' | 'report';
  readonly local: readonly string[];
  readonly where?: WhereSpec;
  /** Of the replica. */
  readonly ownKeys?: number;
  /** Of `off`. */
  readonly at?: Place;
};

/** What an application does to one row; `row` counts the rows in order of their key, from the start again after the last. */
export type EditSpec =
  | {
      readonly table: string;
      readonly op: 'insert';
      /** SQL expressions. */
      readonly cells: Readonly<Record<string, string>>;
    }
  | {
      readonly table: string;
      readonly op: 'update';
      readonly row: number;
      readonly cells: Readonly<Record<string, string>>;
    }
  | {readonly table: string; readonly op: 'delete'; readonly row: number};

export type RoundSpec = {
  readonly ours: readonly EditSpec[];
  readonly theirs: readonly EditSpec[];
  /** Writes to the replica when the engine looks at its signal for the `at`-th time. */
  readonly rival?: {readonly at: number; readonly edit: EditSpec};
  /** What comes after it: the apply is undone, or the state folder is lost. */
  readonly next: 'nothing' | 'undo' | 'forget';
};

export type PolicyCase = {
  /** `replicated` tables have a policy. */
  readonly tables: readonly TableSpec[];
  readonly policies: Readonly<Record<string, PolicySpec>>;
  /** `empty`: it gets its first rows from the primary. `copy`: it has them already. `other`: it has rows of its own. */
  readonly start: 'empty' | 'copy' | 'other';
  readonly primary: readonly RowSpec[];
  readonly replica: readonly RowSpec[];
  readonly rounds: readonly RoundSpec[];
  /** Applications enforce references. */
  readonly enforced: boolean;
  /** Rows that refer to nothing are deleted after each edit. */
  readonly repaired: boolean;
  readonly journal: 'wal' | 'delete';
};

export const PLAIN: PolicySpec = {policy: 'mirror', local: []};

export function policyOf({policies}: Pick<PolicyCase, 'policies'>, table: string): PolicySpec {
  return policies[table] ?? PLAIN;
}

/** True where a setting holds on that side. */
export function holds(at: Place | undefined, side: 'primary' | 'replica'): boolean {
  return at === undefined || at === 'both' || at === side;
}

/** The tables, those that are off on either side among the local ones. */
export function followedTables(made: PolicyCase): readonly TableSpec[] {
  return made.tables.map((table) =>
    table.replicated && policyOf(made, table.name).policy === 'off'
      ? {...table, replicated: false}
      : table,
  );
}

export function editSql(tables: readonly TableSpec[], edit: EditSpec): string {
  const table = tables.find(({name}) => name === edit.table);
  if (table === undefined) return 'SELECT 1';
  const into = quoted(table.name);
  if (edit.op === 'insert') {
    const names = Object.keys(edit.cells);
    const values = names.map((name) => edit.cells[name]);
    return `INSERT OR IGNORE INTO ${into} (${names.map(quoted).join(', ')}) VALUES (${values.join(', ')})`;
  }
  const by = table.key.length === 0 ? '_rowid_' : table.key.map(quoted).join(', ');
  const at = `(SELECT ${edit.row} % max(1, count(*)) FROM ${into})`;
  const where = `(${by}) IN (SELECT ${by} FROM ${into} ORDER BY ${by} LIMIT 1 OFFSET ${at})`;
  if (edit.op === 'delete') return `DELETE FROM ${into} WHERE ${where}`;
  const set = Object.entries(edit.cells).map(([name, value]) => `${quoted(name)} = ${value}`);
  if (set.length === 0) return 'SELECT 1';
  return `UPDATE OR IGNORE ${into} SET ${set.join(', ')} WHERE ${where}`;
}
