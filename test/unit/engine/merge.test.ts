/** What each policy makes of each kind of local edit, through the whole engine. */
import {describe, expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import type {ReplicateResult} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, u TEXT UNIQUE)';
const rows =
  "INSERT INTO t VALUES (1, 'a1', 'b1', 'u1'), (2, 'a2', 'b2', 'u2'), (3, 'a3', 'b3', 'u3')";

type Case = {
  readonly name: string;
  readonly here: string;
  readonly there: string;
  /** Rows on the replica afterwards, as `id a b u`, by policy. */
  readonly becomes: Readonly<Record<string, readonly string[]>>;
  /** Conflict as `kind:columns:taken`, `!` where open. */
  readonly conflict?: Readonly<Record<string, string>>;
};

const policies: Readonly<Record<string, TablePolicy>> = {
  mirror: {policy: 'mirror'},
  keep: {policy: 'mirror', drift: 'keep'},
  seed: {policy: 'seed'},
  primaryWins: {policy: 'merge', onConflict: 'primaryWins'},
  replicaWins: {policy: 'merge', onConflict: 'replicaWins'},
  fail: {policy: 'merge'},
  local: {policy: 'mirror', local: ['a']},
};

const untouched = ['2 a2 b2 u2', '3 a3 b3 u3'];
const same = (list: readonly string[]): Record<string, readonly string[]> =>
  Object.fromEntries(Object.keys(policies).map((name) => [name, list]));

const cases: readonly Case[] = [
  {
    name: 'a cell edited here alone',
    here: "UPDATE t SET a = 'x' WHERE id = 1",
    there: '',
    becomes: {...same(['1 x b1 u1', ...untouched]), mirror: ['1 a1 b1 u1', ...untouched]},
  },
  {
    name: 'a cell edited on the primary alone',
    here: '',
    there: "UPDATE t SET a = 'y' WHERE id = 1",
    becomes: {
      ...same(['1 y b1 u1', ...untouched]),
      seed: ['1 a1 b1 u1', ...untouched],
      local: ['1 a1 b1 u1', ...untouched],
    },
  },
  {
    name: 'different cells of a row edited on both sides',
    here: "UPDATE t SET a = 'x' WHERE id = 1",
    there: "UPDATE t SET b = 'y' WHERE id = 1",
    becomes: {
      ...same(['1 x y u1', ...untouched]),
      mirror: ['1 a1 y u1', ...untouched],
      keep: ['1 a1 y u1', ...untouched],
      seed: ['1 x b1 u1', ...untouched],
    },
    conflict: {keep: 'bothEdited:a,b:theirs'},
  },
  {
    name: 'one cell edited on both sides, differently',
    here: "UPDATE t SET b = 'x' WHERE id = 1",
    there: "UPDATE t SET b = 'y' WHERE id = 1",
    becomes: {
      ...same(['1 a1 y u1', ...untouched]),
      seed: ['1 a1 x u1', ...untouched],
      replicaWins: ['1 a1 x u1', ...untouched],
      fail: ['1 a1 x u1', ...untouched],
    },
    conflict: {
      keep: 'bothEdited:b:theirs',
      primaryWins: 'bothEdited:b:theirs',
      replicaWins: 'bothEdited:b:ours',
      fail: 'bothEdited:b:ours!',
    },
  },
  {
    name: 'a row edited here and deleted on the primary',
    here: "UPDATE t SET b = 'x' WHERE id = 1",
    there: 'DELETE FROM t WHERE id = 1',
    becomes: {
      ...same(untouched),
      replicaWins: ['1 a1 x u1', ...untouched],
      fail: ['1 a1 x u1', ...untouched],
    },
    conflict: {
      keep: 'editedHere::theirs',
      primaryWins: 'editedHere::theirs',
      replicaWins: 'editedHere::ours',
      fail: 'editedHere::ours!',
    },
  },
  {
    name: 'a row deleted here and edited on the primary',
    here: 'DELETE FROM t WHERE id = 1',
    there: "UPDATE t SET b = 'y' WHERE id = 1",
    becomes: {
      ...same(['1 a1 y u1', ...untouched]),
      replicaWins: untouched,
      fail: untouched,
    },
    conflict: {
      keep: 'deletedHere::theirs',
      primaryWins: 'deletedHere::theirs',
      replicaWins: 'deletedHere::ours',
      fail: 'deletedHere::ours!',
    },
  },
  {
    name: 'a row deleted here alone',
    here: 'DELETE FROM t WHERE id = 1',
    there: '',
    becomes: {
      ...same(untouched),
      mirror: ['1 a1 b1 u1', ...untouched],
      seed: ['1 a1 b1 u1', ...untouched],
      local: ['1 a1 b1 u1', ...untouched],
    },
  },
  {
    name: 'a row added here alone',
    here: "INSERT INTO t VALUES (9, 'a9', 'b9', 'u9')",
    there: '',
    becomes: {
      ...same(['1 a1 b1 u1', ...untouched]),
      keep: ['1 a1 b1 u1', ...untouched, '9 a9 b9 u9'],
      primaryWins: ['1 a1 b1 u1', ...untouched, '9 a9 b9 u9'],
      replicaWins: ['1 a1 b1 u1', ...untouched, '9 a9 b9 u9'],
      fail: ['1 a1 b1 u1', ...untouched, '9 a9 b9 u9'],
    },
  },
  {
    name: 'rows of one key added on both sides',
    here: "INSERT INTO t VALUES (9, 'x', 'b9', 'u9')",
    there: "INSERT INTO t VALUES (9, 'y', 'b9', 'v9')",
    becomes: {
      ...same(['1 a1 b1 u1', ...untouched, '9 y b9 v9']),
      seed: ['1 a1 b1 u1', ...untouched, '9 x b9 u9'],
      local: ['1 a1 b1 u1', ...untouched, '9 x b9 v9'],
      replicaWins: ['1 a1 b1 u1', ...untouched, '9 x b9 u9'],
      fail: ['1 a1 b1 u1', ...untouched, '9 x b9 u9'],
    },
    conflict: {
      keep: 'bothInserted:a,u:theirs',
      primaryWins: 'bothInserted:a,u:theirs',
      replicaWins: 'bothInserted:a,u:ours',
      fail: 'bothInserted:a,u:ours!',
    },
  },
  {
    name: 'a unique value of a row added here is taken by a new row of the primary',
    here: "INSERT INTO t VALUES (9, 'a9', 'b9', 'w')",
    there: "INSERT INTO t VALUES (8, 'a8', 'b8', 'w')",
    becomes: {
      ...same(['1 a1 b1 u1', ...untouched, '8 a8 b8 w']),
      replicaWins: ['1 a1 b1 u1', ...untouched, '9 a9 b9 w'],
      fail: ['1 a1 b1 u1', ...untouched, '9 a9 b9 w'],
    },
    conflict: {
      keep: 'uniqueTaken:u:theirs',
      primaryWins: 'uniqueTaken:u:theirs',
      replicaWins: 'uniqueTaken:u:ours',
      fail: 'uniqueTaken:u:ours!',
    },
  },
  {
    name: 'a unique value that an edit took here is taken by an edit of another row on the primary',
    here: "UPDATE t SET u = 'w' WHERE id = 2",
    there: "UPDATE t SET u = 'w', b = 'y' WHERE id = 1",
    becomes: {
      ...same(['1 a1 y w', ...untouched]),
      seed: ['1 a1 b1 u1', '2 a2 b2 w', '3 a3 b3 u3'],
      replicaWins: ['1 a1 y u1', '2 a2 b2 w', '3 a3 b3 u3'],
      fail: ['1 a1 y u1', '2 a2 b2 w', '3 a3 b3 u3'],
    },
    conflict: {
      keep: 'uniqueTaken:u:theirs',
      primaryWins: 'uniqueTaken:u:theirs',
      replicaWins: 'uniqueTaken:u:ours',
      fail: 'uniqueTaken:u:ours!',
    },
  },
];

function told({conflicts}: ReplicateResult): string {
  return conflicts
    .map(
      ({kind, columns, taken, open}) => `${kind}:${columns.join(',')}:${taken}${open ? '!' : ''}`,
    )
    .join(' ');
}

const content = (path: string): string[] =>
  typed(path, 't', ['id', 'a', 'b', 'u']).map((line) =>
    line
      .split(' | ')
      .map((cell) => cell.replace(/^\w+ /, '').replaceAll("'", ''))
      .join(' '),
  );

async function started(
  policy: TablePolicy,
): Promise<{instances: Instances; run: () => Promise<ReplicateResult>}> {
  const instances = makeInstances({ddl, primary: rows, replica: '', tables: ['t']});
  const run = (): Promise<ReplicateResult> =>
    instances.replicate({policies: new Map([['t', policy]])});
  await instances.capture();
  await run();
  return {instances, run};
}

describe.each(Object.entries(policies))('under %s', (name, policy) => {
  test.each(cases)('$name', async ({here, there, becomes, conflict}) => {
    const {instances, run} = await started(policy);
    write(instances.replica, here);
    write(instances.primary, there);
    await instances.capture();
    const result = await run();
    expect(content(instances.replica)).toEqual(becomes[name]);
    expect(told(result)).toBe(conflict?.[name] ?? '');
    const again = await run();
    expect(again).toMatchObject({
      applied: false,
      tables: {t: {inserted: 0, updated: 0, deleted: 0}},
    });
    expect(content(instances.replica)).toEqual(becomes[name]);
  });
});
