/** The application writes between a crash and the next run, so that rows tell what happened otherwise than it did. */
import {describe, expect, test} from 'vitest';
import {openState} from '../../../src/state/state.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {known} from '../../helpers/tables.ts';

/** More cells than a full proof digests, and one link. */
const many = `INSERT INTO notification (id) VALUES (1);
  WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 30000)
  INSERT INTO monitor (id, name) SELECT i, 'm' || i FROM c;
  INSERT INTO monitor_notification VALUES (1, 7, 1, 'one')`;

const setName = (id: number, name: string): string =>
  `UPDATE monitor SET name = '${name}' WHERE id = ${id};`;
const setLink = (w: string): string => `UPDATE monitor_notification SET w = '${w}';`;

async function next({primary, ...instances}: Instances, sql: string): Promise<void> {
  write(primary, sql);
  await instances.capture();
  await instances.replicate();
}

/** What puts the rows where the crash left them, and the next snapshot: the rows not to be passed over are as at the other end. */
const crashes = {
  'before COMMIT': {left: `${setName(5, 'm5')} ${setLink('one')}`, next: ''},
  'after COMMIT': {left: '', next: setLink('one') + setName(5, 'm5')},
} as const;

/** A replica of the first snapshot whose apply of the second one was killed. */
async function crashed(when: keyof typeof crashes): Promise<Instances> {
  const instances = makeInstances({ddl: smallKuma, primary: many, replica: ''});
  await instances.capture();
  await instances.replicate();
  await next(instances, setName(5, 'second') + setLink('two'));
  write(instances.replica, crashes[when].left);
  const state = await openState({
    folder: `${instances.replica}-state`,
    database: instances.replica,
  });
  const {id, body, previous, ...position} = known(await state.undos.newest());
  await state.reach(known(previous ?? undefined));
  await state.drop(id);
  await state.intend(position, {body});
  await state.close();
  expect(await instances.status()).toMatchObject({interrupted: true});
  return instances;
}

function expectEqual({primary, replica}: Instances): void {
  for (const [table, columns] of [
    ['monitor', ['id', 'name', 'u', 'parent']],
    ['monitor_notification', ['monitor_id', 'notification_id', 'w']],
  ] as const) {
    const theirs = typed(primary, table, columns);
    const ours = typed(replica, table, columns);
    expect(ours.filter((row, at) => row !== theirs[at])).toEqual([]);
    expect(ours).toHaveLength(theirs.length);
  }
}

const edits = {
  'of nothing': '',
  'of the written row, to another value': setName(5, 'edited'),
  'of the written row, to its value before': setName(5, 'm5'),
  'of the written row, to its value after': setName(5, 'second'),
  'of the link, which is made anew': `DELETE FROM monitor_notification; INSERT INTO monitor_notification VALUES (9, 7, 1, 'two')`,
  'of another row': setName(20000, 'edited'),
} as const;

describe.each(Object.keys(crashes) as (keyof typeof crashes)[])('after a crash %s', (when) => {
  test.each(Object.entries(edits))(
    'and an edit %s, all rows are those of the snapshot',
    async (_, edit) => {
      const instances = await crashed(when);
      write(instances.replica, edit);
      await next(instances, crashes[when].next + setName(29000, 'third'));
      expectEqual(instances);
      expect(await instances.status()).toMatchObject({interrupted: false, upToDate: true});
    },
  );
});
