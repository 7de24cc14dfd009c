/** What each policy makes of each kind of local edit: the cases that are run, and that docs/policies.md tells of. */
import type {TablePolicy} from '../../../src/merge/policy.ts';

/** In the order of the page. */
export const policies = {
  mirror: {policy: 'mirror'},
  report: {policy: 'mirror', drift: 'report'},
  keep: {policy: 'mirror', drift: 'keep'},
  seed: {policy: 'seed'},
  seedReport: {policy: 'seed', drift: 'report'},
  seedKeep: {policy: 'seed', drift: 'keep'},
  primaryWins: {policy: 'merge', onConflict: 'primaryWins'},
  replicaWins: {policy: 'merge', onConflict: 'replicaWins'},
  fail: {policy: 'merge'},
  local: {policy: 'mirror', local: ['a']},
  off: {policy: 'off'},
} as const satisfies Readonly<Record<string, TablePolicy>>;

export type PolicyName = keyof typeof policies;

/**
 * `yours`: what this instance has stays. `primary`: the table is as on the primary. `both`: both edits stand.
 * Anything else is a text for the page, with the rows that it comes to.
 */
export type Fate = 'yours' | 'primary' | {readonly told: string; readonly rows: readonly string[]};

export type Case = {
  readonly name: string;
  /** Further tables, that have the same policy. */
  readonly ddl?: string;
  /** The table that is looked at, and its columns; `t` where left out. */
  readonly look?: readonly [table: string, ...columns: string[]];
  readonly here: string;
  /** Empty where only this instance did something. */
  readonly there: string;
  readonly becomes: Readonly<Record<PolicyName, Fate>>;
  /** Where only this instance did something: what becomes of it at the next snapshot, if that is something else. */
  readonly later?: Partial<Readonly<Record<PolicyName, Fate>>>;
  /** Conflict as `kind:columns:taken`, `!` where open. */
  readonly conflict?: Partial<Readonly<Record<PolicyName, string>>>;
};

const names = Object.keys(policies) as readonly PolicyName[];

/** `primary` unless told otherwise; a table that is off is never touched. */
const fates = (others: Partial<Record<PolicyName, Fate>>): Record<PolicyName, Fate> => ({
  ...(Object.fromEntries(names.map((name) => [name, 'primary'])) as Record<PolicyName, Fate>),
  off: 'yours',
  ...others,
});
/** A conflict, and who it was decided for. */
const conflicts = (
  kind: string,
  more: Partial<Record<PolicyName, string>> = {},
): Readonly<Partial<Record<PolicyName, string>>> => ({
  keep: `${kind}:theirs`,
  primaryWins: `${kind}:theirs`,
  replicaWins: `${kind}:ours`,
  fail: `${kind}:ours!`,
  ...more,
});
/** Where policies that give to this instance do so. */
const ours = {replicaWins: 'yours', fail: 'yours'} as const;
const merges = {primaryWins: 'yours', ...ours} as const;
const child = (action: string): string =>
  `CREATE TABLE c (id INTEGER PRIMARY KEY, v TEXT, t INTEGER REFERENCES t ON DELETE ${action})`;

export const ddl =
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, u TEXT UNIQUE COLLATE NOCASE)';
export const rows =
  "INSERT INTO t VALUES (1, 'a1', 'b1', 'u1'), (2, 'a2', 'b2', 'u2'), (3, 'a3', 'b3', 'u3')";

const untouched = ['2 a2 b2 u2', '3 a3 b3 u3'];

export const cases: readonly Case[] = [
  {
    name: 'cell edited',
    here: "UPDATE t SET a = 'x' WHERE id = 1",
    there: '',
    becomes: fates({
      report: 'yours',
      keep: 'yours',
      seed: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...merges,
      local: 'yours',
    }),
    later: {report: 'primary'},
  },
  {
    name: 'row added',
    here: "INSERT INTO t VALUES (9, 'a9', 'b9', 'u9')",
    there: '',
    becomes: fates({
      report: 'yours',
      keep: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...merges,
    }),
    later: {report: 'primary', seedReport: 'primary'},
  },
  {
    name: 'row deleted',
    here: 'DELETE FROM t WHERE id = 1',
    there: '',
    becomes: fates({
      report: 'yours',
      keep: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...merges,
    }),
    later: {report: 'primary', seedReport: 'primary'},
  },
  {
    name: 'nothing; the primary edited a cell',
    here: '',
    there: "UPDATE t SET a = 'y' WHERE id = 1",
    becomes: fates({seed: 'yours', seedReport: 'yours', seedKeep: 'yours', local: 'yours'}),
  },
  {
    name: 'cell edited; the primary edited another cell of the row',
    here: "UPDATE t SET a = 'x' WHERE id = 1",
    there: "UPDATE t SET b = 'y' WHERE id = 1",
    becomes: fates({
      seed: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...Object.fromEntries(
        (['primaryWins', 'replicaWins', 'fail', 'local'] as const).map((name) => [
          name,
          {told: 'both', rows: ['1 x y u1', ...untouched]},
        ]),
      ),
    }),
    conflict: {keep: 'bothEdited:a,b:theirs'},
  },
  {
    name: 'cell edited; the primary edited the same cell',
    here: "UPDATE t SET a = 'x' WHERE id = 1",
    there: "UPDATE t SET a = 'y' WHERE id = 1",
    becomes: fates({
      seed: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...ours,
      local: 'yours',
    }),
    conflict: conflicts('bothEdited:a'),
  },
  {
    name: 'cell edited; the primary deleted the row',
    here: "UPDATE t SET b = 'x' WHERE id = 1",
    there: 'DELETE FROM t WHERE id = 1',
    becomes: fates(ours),
    conflict: conflicts('editedHere:'),
  },
  {
    name: 'row deleted; the primary edited it',
    here: 'DELETE FROM t WHERE id = 1',
    there: "UPDATE t SET b = 'y' WHERE id = 1",
    becomes: fates({seedKeep: 'yours', ...ours}),
    conflict: conflicts('deletedHere:'),
  },
  {
    name: 'row added; the primary added one of the same key',
    here: "INSERT INTO t VALUES (9, 'x', 'b9', 'u9')",
    there: "INSERT INTO t VALUES (9, 'y', 'b9', 'v9')",
    becomes: fates({
      seed: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      ...ours,
      local: {told: 'yours in that column', rows: ['1 a1 b1 u1', ...untouched, '9 x b9 v9']},
    }),
    conflict: conflicts('bothInserted:a,u'),
  },
  {
    name: 'row added; the primary gave its unique value to a new row',
    here: "INSERT INTO t VALUES (9, 'a9', 'b9', 'W')",
    there: "INSERT INTO t VALUES (8, 'a8', 'b8', 'w')",
    becomes: fates(ours),
    conflict: conflicts('uniqueTaken:u', {seedKeep: 'uniqueTaken:u:theirs'}),
  },
  {
    name: 'cell edited; the primary gave its unique value to another row',
    here: "UPDATE t SET u = 'w' WHERE id = 2",
    there: "UPDATE t SET u = 'W', b = 'y' WHERE id = 1",
    becomes: fates({
      seed: 'yours',
      seedReport: 'yours',
      seedKeep: 'yours',
      replicaWins: {
        told: 'yours; the rest of the primary’s row',
        rows: ['1 a1 y u1', '2 a2 b2 w', '3 a3 b3 u3'],
      },
      fail: {
        told: 'yours; the rest of the primary’s row',
        rows: ['1 a1 y u1', '2 a2 b2 w', '3 a3 b3 u3'],
      },
    }),
    conflict: conflicts('uniqueTaken:u'),
  },
  {
    name: 'row added that refers to another; the primary deleted that one',
    ddl: child('NO ACTION'),
    look: ['c', 'id', 'v', 't'],
    here: "INSERT INTO c VALUES (9, 'x', 3)",
    there: 'DELETE FROM t WHERE id = 3',
    becomes: fates(ours),
    conflict: conflicts('referencedHere:', {seedKeep: 'referencedHere::theirs'}),
  },
  {
    name: 'the same, and the reference is declared ON DELETE CASCADE',
    ddl: child('CASCADE'),
    look: ['c', 'id', 'v', 't'],
    here: "INSERT INTO c VALUES (9, 'x', 3)",
    there: 'DELETE FROM t WHERE id = 3',
    becomes: fates(ours),
    conflict: conflicts('referencedHere:', {seedKeep: 'referencedHere::theirs'}),
  },
  {
    name: 'the same, and the reference is declared ON DELETE SET NULL',
    ddl: child('SET NULL'),
    look: ['c', 'id', 'v', 't'],
    here: "INSERT INTO c VALUES (9, 'x', 3)",
    there: 'DELETE FROM t WHERE id = 3',
    becomes: fates({
      keep: {told: 'yours, without the reference', rows: ['9 x NULL']},
      seedKeep: {told: 'yours, without the reference', rows: ['9 x NULL']},
      primaryWins: {told: 'yours, without the reference', rows: ['9 x NULL']},
      ...ours,
    }),
    conflict: conflicts('referencedHere:', {seedKeep: 'referencedHere::theirs'}),
  },
  {
    name: 'row deleted; the primary added one that refers to it',
    ddl: child('NO ACTION'),
    look: ['c', 'id', 'v', 't'],
    here: 'DELETE FROM t WHERE id = 3',
    there: "INSERT INTO c VALUES (8, 'y', 3)",
    becomes: fates(ours),
    conflict: {
      keep: 'parentMissing::theirs',
      seedKeep: 'parentMissing::theirs',
      primaryWins: 'parentMissing::theirs',
      replicaWins: 'parentMissing:t:ours',
      fail: 'parentMissing:t:ours!',
    },
  },
  {
    name: 'the same, and the reference is declared ON DELETE CASCADE (links)',
    ddl: child('CASCADE'),
    look: ['c', 'id', 'v', 't'],
    here: 'DELETE FROM t WHERE id = 3',
    there: "INSERT INTO c VALUES (8, 'y', 3)",
    becomes: fates({keep: 'yours', seedKeep: 'yours', ...merges}),
  },
];

const heads: Readonly<Record<PolicyName, string>> = {
  mirror: '`mirror`',
  report: '`mirror`, `report`',
  keep: '`mirror`, `keep`',
  seed: '`seed`',
  seedReport: '`seed`, `report`',
  seedKeep: '`seed`, `keep`',
  primaryWins: '`merge`, `primaryWins`',
  replicaWins: '`merge`, `replicaWins`',
  fail: '`merge`, `fail`',
  local: '`local` column',
  off: '`off`',
};

/** The cases as the page has them. */
export function pageTable(): string {
  const columns = [
    'on this instance, and on the primary',
    'kind',
    ...names.map((name) => heads[name]),
  ];
  const lines = cases.map((of) => [of.name, kindOf(of), ...names.map((name) => cellOf(of, name))]);
  return [columns, columns.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function kindOf({conflict = {}}: Case): string {
  const [kind] = (conflict.fail ?? '').split(':');
  return kind === undefined || kind === '' ? '' : `\`${kind}\``;
}

function cellOf({becomes, later = {}, conflict = {}}: Case, name: PolicyName): string {
  const then = later[name];
  const isOpen = conflict[name]?.endsWith('!') === true;
  const now = wordOf(becomes[name]) + (isOpen ? '; **open**' : '');
  return then === undefined ? now : `${now}, then ${wordOf(then)}`;
}

const wordOf = (fate: Fate): string =>
  typeof fate === 'object' ? fate.told : fate === 'primary' ? 'primary' : 'yours';
