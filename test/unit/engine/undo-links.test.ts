/** Undo of tables whose rows are matched by what they link: their ids are the replica's own, and remade at each save. */
import {expect, test} from 'vitest';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {dumpTable, type TypedRow} from '../../helpers/typed-dump.ts';

const parents = `INSERT INTO monitor (id) VALUES (1), (2); INSERT INTO notification (id) VALUES (1), (2);
  INSERT INTO monitor_notification VALUES`;

async function applied(primary: string, replica: string): Promise<Instances> {
  const instances = makeInstances({
    ddl: smallKuma,
    primary: `${parents} ${primary}`,
    replica: `${parents} ${replica}`,
  });
  await instances.capture();
  await instances.replicate({allowDeletes: ['monitor_notification']});
  return instances;
}

const links = ({replica}: Instances): readonly TypedRow[] =>
  dumpTable(replica, 'monitor_notification', {without: ['id']});

const rows = (path: string): readonly TypedRow[] => dumpTable(path, 'monitor_notification');

/** Deletes and inserts again, as the application saves links. */
const remake = `CREATE TEMP TABLE kept AS SELECT * FROM monitor_notification; DELETE FROM monitor_notification;
  INSERT INTO monitor_notification (monitor_id, notification_id, w)
  SELECT monitor_id, notification_id, w FROM kept ORDER BY id DESC`;

test.each([
  ['added', `(1, 1, 1, 'a'), (2, 1, 2, NULL), (3, 1, 1, 'a')`, `(11, 1, 1, 'a')`],
  ['removed', `(1, 1, 1, 'a')`, `(11, 1, 1, 'a'), (12, 1, 1, 'a'), (13, 2, NULL, 1.0)`],
  ['changed', `(1, 1, 1, 'b'), (2, 2, 2, 1)`, `(11, 1, 1, 'a'), (12, 2, 2, 1.0)`],
  ['numbered otherwise', `(1, 1, 1, 'b'), (2, 1, 1, 'c')`, `(11, 1, 1, 'a'), (12, 1, 1, 'c')`],
  [
    'changed in a large group',
    `(1, 1, 1, 'a'), (2, 1, 1, 'b'), (3, 1, 1, 'c')`,
    `(11, 1, 1, 'a'), (12, 1, 1, 'c')`,
  ],
])(
  'links that were %s come back, also where the application remade their ids',
  async (_, primary, replica) => {
    const before = makeInstances({ddl: smallKuma, primary: '', replica: `${parents} ${replica}`});
    for (const save of ['', remake]) {
      const instances = await applied(primary, replica);
      expect(links(instances)).not.toEqual(links(before));
      write(instances.replica, save);
      expect(await instances.undo()).toMatchObject({undone: true});
      expect(links(instances)).toEqual(links(before));
      await instances.resume();
      await instances.replicate({allowDeletes: ['monitor_notification']});
      expect(links(instances)).toEqual(
        dumpTable(instances.primary, 'monitor_notification', {without: ['id']}),
      );
    }
  },
);

test.each([
  ['one that was changed is changed', `UPDATE monitor_notification SET w = 'mine' WHERE w = 'b'`],
  ['one that was added is gone', `DELETE FROM monitor_notification WHERE w = 'added'`],
  ['one is added beside it', `INSERT INTO monitor_notification VALUES (99, 2, 2, 'zzz')`],
  [
    'one that was removed is there again',
    `INSERT INTO monitor_notification VALUES (99, 2, 1, 'gone')`,
  ],
  ['one beside those removed is gone', `DELETE FROM monitor_notification WHERE w = 'beside'`],
])('undo is refused where of the links %s', async (_, sql) => {
  const instances = await applied(
    `(1, 1, 1, 'b'), (2, 2, 2, 'added'), (3, 2, 2, 'x'), (4, 1, 2, 'beside')`,
    `(1, 1, 1, 'a'), (3, 2, 2, 'x'), (4, 1, 2, 'beside'), (5, 1, 2, 'gone'), (6, 2, 1, 'gone')`,
  );
  write(instances.replica, sql);
  const before = rows(instances.replica);
  await expect(instances.undo()).rejects.toMatchObject({
    code: 'UNDO_STALE',
    site: {table: 'monitor_notification', key: expect.stringMatching(/^monitor_id=\d/)},
  });
  expect(rows(instances.replica)).toEqual(before);
});

test('a monitor that comes back has its links again, and the default in columns that do not travel', async () => {
  const instances = makeInstances({
    ddl: smallKuma,
    primary: '',
    replica: `${parents} (11, 1, 1, 'a'); UPDATE monitor SET dns_last_result = 'seen'; INSERT INTO heartbeat VALUES (1, 1)`,
  });
  await instances.capture();
  const allowDeletes = ['monitor', 'notification', 'monitor_notification'];
  expect(await instances.replicate({allowDeletes})).toMatchObject({cascades: {heartbeat: 1}});
  expect(await instances.undo()).toMatchObject({notRestored: {heartbeat: 1}});
  expect(links(instances)).toHaveLength(1);
  expect(dumpTable(instances.replica, 'monitor')[0]).toMatchObject({
    id: 'integer 1',
    dns_last_result: 'text 6E6F6E65',
  });
});
