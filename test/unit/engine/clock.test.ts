/** Clocks that jump: time is for people, and decides nothing. */
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT)';
const YEARS = {forward: '2061-03-01T00:00:00Z', backward: '2001-03-01T00:00:00Z'} as const;
const NOW = '2031-03-01T00:00:00Z';

function make(): Instances {
  const rows = "INSERT INTO t VALUES (1, 'one'), (2, 'two')";
  return makeInstances({
    ddl,
    primary: rows,
    replica: "INSERT INTO t VALUES (3, 'x')",
    tables: ['t'],
  });
}

const content = (path: string): readonly string[] => typed(path, 't', ['id', 'b']);

beforeEach(() => vi.useFakeTimers({toFake: ['Date'], now: new Date(NOW)}));
afterEach(() => vi.useRealTimers());

describe.each(Object.entries(YEARS))('a clock that jumps %s', (_, year) => {
  test('between captures: the order of snapshots is that of their positions', async () => {
    const instances = make();
    await instances.capture();
    await instances.replicate();
    vi.setSystemTime(new Date(year));
    write(instances.primary, "UPDATE t SET b = 'second' WHERE id = 1");
    expect(await instances.capture()).toMatchObject({epoch: 1, sequence: 2, changed: true});
    vi.setSystemTime(new Date(NOW));
    expect(await instances.replicate()).toMatchObject({sequence: 2, applied: true});
    expect(content(instances.replica)).toEqual(content(instances.primary));
    expect(await instances.status()).toMatchObject({upToDate: true, newest: {sequence: 2}});
    expect(await instances.capture()).toMatchObject({changed: false});
  });

  test('on the replica, between its runs and their undo: each is of the last apply', async () => {
    const instances = make();
    await instances.capture();
    await instances.replicate();
    const first = content(instances.replica);
    write(instances.primary, "UPDATE t SET b = 'second' WHERE id = 1");
    await instances.capture();
    vi.setSystemTime(new Date(year));
    await instances.replicate();
    vi.setSystemTime(new Date(NOW));
    expect(await instances.undo()).toMatchObject({undone: true, sequence: 2});
    expect(content(instances.replica)).toEqual(first);
    await instances.resume();
    expect(await instances.replicate()).toMatchObject({sequence: 2, applied: true});
    expect(content(instances.replica)).toEqual(content(instances.primary));
  });
});
