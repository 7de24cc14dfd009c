/** Undo through real files: whatever an apply did to the replicated rows, undo gives them back to the bit. */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import BetterSqlite3 from 'better-sqlite3';
import {isEngineError} from '../../src/kernel/errors.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {cells, keyCells, runs} from '../helpers/arbitraries.ts';
import {makeInstances, type Instances} from '../helpers/instances.ts';
import {smallKuma, smallKumaTables} from '../helpers/small-kuma.ts';
import {insertRow} from '../helpers/temp-db.ts';
import {dumpTable, type TypedRow} from '../helpers/typed-dump.ts';

type Rows = Readonly<Record<(typeof smallKumaTables)[number], readonly (readonly Cell[])[]>>;

const ids = fc.constantFrom<Cell>(1n, 2n, 3n, 4n, 5n);
const reference = fc.oneof(ids, fc.constant(null));

/** Rows of both sides share ids and values; what a constraint forbids is left out. References may dangle. */
function twoSides(): fc.Arbitrary<readonly [Rows, Rows]> {
  return fc
    .record({
      values: fc.array(cells(), {minLength: 1, maxLength: 4}),
      keys: fc.array(keyCells(), {minLength: 1, maxLength: 5}),
    })
    .chain(({values, keys}) => {
      const value = fc.constantFrom(...values);
      const list = (...row: fc.Arbitrary<Cell>[]): fc.Arbitrary<Cell[][]> =>
        fc.array(fc.tuple(...row), {maxLength: 6});
      const unseen = fc.constant<Cell>('none');
      const side = fc.record({
        monitor: list(ids, value, fc.oneof(value, fc.constant(null)), reference, unseen),
        tag: list(fc.constantFrom(...keys), value),
        notification: list(ids, value),
        monitor_notification: list(
          fc.bigInt({min: 1n, max: 40n}),
          reference,
          reference,
          fc.constantFrom<Cell>('a', 'b', 1n, 1, null),
        ),
        heartbeat: list(fc.bigInt({min: 1n, max: 40n}), ids),
      });
      return fc.tuple(side, side);
    });
}

function fill(path: string, rows: Rows): void {
  const db = new BetterSqlite3(path);
  db.pragma('foreign_keys = OFF');
  for (const table of smallKumaTables)
    for (const row of rows[table]) insertRow(db, {table, cells: row});
  db.close();
}

type Dump = Readonly<Record<string, readonly TypedRow[]>>;

function replicated(path: string): Dump {
  const names = smallKumaTables.filter((name) => name !== 'heartbeat');
  return Object.fromEntries(
    names.map((name) => [
      name,
      dumpTable(path, name, {without: name === 'monitor_notification' ? ['id'] : []}),
    ]),
  );
}

const heartbeats = (path: string): readonly string[] =>
  dumpTable(path, 'heartbeat').map((row) => JSON.stringify(row));

/** True where the replica converged; a refusal must be an EngineError. */
async function converges(instances: Instances): Promise<boolean> {
  try {
    await instances.capture();
    await instances.replicate({allowDeletes: Object.keys(replicated(instances.replica))});
    return true;
  } catch (error) {
    if (isEngineError(error)) return false;
    throw error;
  }
}

// Six synced transactions on real files each: as often as a minute allows.
const fewer = {...runs, numRuns: 100};

test('law: undo gives every replicated row back, and resume leads to the primary again', async () => {
  let undone = 0;
  await fc.assert(
    fc.asyncProperty(twoSides(), async ([primary, replica]) => {
      const instances = makeInstances({ddl: smallKuma, primary: '', replica: ''});
      fill(instances.primary, primary);
      fill(instances.replica, replica);
      const before = replicated(instances.replica);
      const history = heartbeats(instances.replica);
      if (!(await converges(instances))) return;
      if ((await instances.status()).position === null) return;
      const wanted = replicated(instances.primary);
      expect(replicated(instances.replica)).toEqual(wanted);
      const remaining = heartbeats(instances.replica);
      if (JSON.stringify(before) === JSON.stringify(wanted)) {
        await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO'});
        return;
      }
      const {cascades, notRestored} = await instances.undo();
      undone++;
      expect(replicated(instances.replica)).toEqual(before);
      expect(history.length - remaining.length).toBe(notRestored['heartbeat'] ?? 0);
      const left = heartbeats(instances.replica);
      expect(remaining).toEqual(expect.arrayContaining([...left]));
      expect(remaining.length - left.length).toBe(cascades['heartbeat'] ?? 0);
      await instances.resume();
      expect(await converges(instances)).toBe(true);
      expect(replicated(instances.replica)).toEqual(wanted);
    }),
    fewer,
  );
  expect(undone).toBeGreaterThan(fewer.numRuns / 3);
});
