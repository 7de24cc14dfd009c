/** Each kind of change, and the calls that tell a running Uptime Kuma of it: those, and no others. */
import {describe, expect, test} from 'vitest';
import {RELOAD_CALLS_MAX} from '../../../../src/kernel/limits.ts';
import type {AppliedChange} from '../../../../src/profiles/profile.ts';
import type {MaintenanceRow} from '../../../../src/profiles/uptime-kuma/reload/maintenance.ts';
import {noticedOf} from '../../../../src/profiles/uptime-kuma/reload/noticed.ts';
import {planCalls, type RowsNow} from '../../../../src/profiles/uptime-kuma/reload/plan.ts';
import {uptimeKuma} from '../../../../src/profiles/uptime-kuma/profile.ts';

type Cells = NonNullable<AppliedChange['after']>;

const insert = (table: string, after: Cells): AppliedChange => ({
  table,
  op: 'insert',
  columns: ['id', 'active', 'user_id', 'name'],
  before: undefined,
  after,
});
const update = (table: string, after: Cells, ...columns: readonly string[]): AppliedChange => ({
  table,
  op: 'update',
  columns,
  before: after,
  after,
});
const remove = (table: string, before: Cells): AppliedChange => ({
  table,
  op: 'delete',
  columns: ['id', 'active', 'user_id', 'name'],
  before,
  after: undefined,
});

const maintenance: MaintenanceRow = {
  id: 4n,
  user_id: 2n,
  title: 't',
  description: 'd',
  strategy: 'recurring-weekday',
  active: 1n,
  interval_day: 1n,
  start_date: '2026-01-01 00:00:00',
  end_date: null,
  start_time: '02:00',
  end_time: '03:30:15',
  weekdays: '[1,2]',
  days_of_month: '[]',
  cron: '0 2 * * 1,2',
  timezone: 'SAME_AS_SERVER',
  duration: 5400n,
};

const rows: RowsNow = {
  monitors: new Map([
    [1, {active: true, user: 1}],
    [2, {active: false, user: 1}],
    [3, {active: true, user: 2}],
    [5, {active: true, user: null}],
  ]),
  maintenances: new Map([
    [4, maintenance],
    [6, {...maintenance, id: 6n, weekdays: 'no list'}],
    [7, {...maintenance, id: 7n, user_id: null}],
  ]),
  users: 2,
  pagesWithDomain: new Set([8]),
};

const flush = 'addMonitorMaintenance(-1,[]) as anybody';

function planned(...changes: readonly AppliedChange[]): {
  readonly calls: readonly string[];
  readonly restart: readonly string[];
} {
  const {calls, restart} = planCalls(changes, rows);
  const shown = calls.map(({event, args, user}) => {
    const texts = args.map((arg) => JSON.stringify(arg).replace(/^\{"id":(\d+),.*\}$/, '{$1}'));
    return `${event}(${texts.join()}) as ${user ?? 'anybody'}`;
  });
  return {calls: shown, restart};
}

describe('a monitor', () => {
  test.each([
    ['new', [insert('monitor', {id: 1})], ['resumeMonitor(1) as 1']],
    ['of another user', [insert('monitor', {id: 3})], ['resumeMonitor(3) as 2']],
    ['changed', [update('monitor', {id: 1}, 'url')], ['resumeMonitor(1) as 1']],
    [
      'changed twice',
      [update('monitor', {id: 1}, 'url'), update('monitor', {id: 1}, 'name')],
      ['resumeMonitor(1) as 1'],
    ],
    ['deactivated', [update('monitor', {id: 2}, 'active')], ['pauseMonitor(2) as 1']],
    ['changed while it is off', [update('monitor', {id: 2}, 'url')], ['getMonitorList() as 1']],
    ['new and off', [insert('monitor', {id: 2})], ['getMonitorList() as 1']],
    [
      'new, and then switched off',
      [insert('monitor', {id: 2}), update('monitor', {id: 2}, 'active')],
      ['pauseMonitor(2) as 1'],
    ],
    ['moved in the list', [update('monitor', {id: 1}, 'weight')], ['getMonitorList() as 1']],
    ['moved and changed', [update('monitor', {id: 1}, 'weight', 'url')], ['resumeMonitor(1) as 1']],
    ['deleted', [remove('monitor', {id: 9})], ['deleteMonitor(9) as anybody']],
    [
      'under another id',
      [update('monitor', {id: 1}, 'id')].map((one) => ({...one, before: {id: 9}})),
      ['resumeMonitor(1) as 1', 'deleteMonitor(9) as anybody'],
    ],
    [
      'with another tag',
      [insert('monitor_tag', {monitor_id: 1, tag_id: 1})],
      ['resumeMonitor(1) as 1'],
    ],
    ['whose tag went with it', [remove('monitor_tag', {monitor_id: 9, tag_id: 1})], []],
  ])('%s', (_, changes, calls) => {
    expect(planned(...changes)).toEqual({calls, restart: []});
  });

  test('that went and is back is started, and asks for a restart', () => {
    const {calls, restart} = planned(remove('monitor', {id: 1}), insert('monitor', {id: 1}));
    expect(calls).toEqual(['resumeMonitor(1) as 1']);
    expect(restart).toEqual([expect.stringContaining('monitor[id=1] is back under its id')]);
    const passing = [insert('monitor', {id: 1}), remove('monitor', {id: 1})];
    expect(planned(...passing, insert('monitor', {id: 1})).restart).toEqual([]);
  });

  test('of nobody can be started by nobody', () => {
    const {calls, restart} = planned(update('monitor', {id: 5}, 'url'));
    expect(calls).toEqual([]);
    expect(restart).toEqual([expect.stringContaining('monitor[id=5] belongs to no user')]);
  });

  test('that is one of a thousand asks for a restart instead', () => {
    const monitors = Array.from({length: RELOAD_CALLS_MAX + 1}, (_, id) => id + 100);
    const {calls, restart} = planned(...monitors.map((id) => remove('monitor', {id})));
    expect(calls).toEqual([]);
    expect(restart).toEqual([expect.stringContaining('more than a restart is worth')]);
  });
});

const moved: AppliedChange = {
  ...update('maintenance', {id: 4, user_id: 2}, 'user_id'),
  before: {id: 4, user_id: 1},
};

describe('a maintenance', () => {
  test.each([
    ['new', [insert('maintenance', {id: 4})], ['editMaintenance({4}) as 2', flush]],
    ['changed', [update('maintenance', {id: 4}, 'title')], ['editMaintenance({4}) as 2', flush]],
    ['deleted', [remove('maintenance', {id: 9})], ['deleteMaintenance(9) as anybody']],
    ['of other monitors', [insert('monitor_maintenance', {monitor_id: 1, maintenance_id: 4})], []],
  ])('%s', (_, changes, calls) => {
    expect(planned(...changes)).toEqual({calls, restart: []});
  });

  test('is told in the form that a browser sends', () => {
    const {calls} = planCalls([update('maintenance', {id: 4}, 'title')], rows);
    expect(calls[0]).toEqual({
      event: 'editMaintenance',
      otherwise: 'addMaintenance',
      user: 2,
      args: [
        {
          id: 4,
          title: 't',
          description: 'd',
          strategy: 'recurring-weekday',
          intervalDay: 1,
          active: true,
          dateRange: ['2026-01-01 00:00:00', null],
          timeRange: [
            {hours: 2, minutes: 0, seconds: 0},
            {hours: 3, minutes: 30, seconds: 15},
          ],
          weekdays: [1, 2],
          daysOfMonth: [],
          cron: '0 2 * * 1,2',
          durationMinutes: 90,
          timezoneOption: 'SAME_AS_SERVER',
        },
      ],
    });
  });

  test.each<readonly [string, MaintenanceRow]>([
    ['times with seconds that are none', {start_time: '02:00:00'}],
    ['times of one digit', {end_time: '2:00'}],
    ['no time', {start_time: null}],
    ['lists with spaces', {weekdays: '[1, 2]'}],
    ['no list', {days_of_month: null}],
    ['a duration between minutes', {strategy: 'cron', duration: 5401n}],
    ['no duration', {strategy: 'cron', duration: null}],
    ['an empty date', {end_date: ''}],
  ])('that it would write in another way asks for a restart: %s', (_, cells) => {
    const maintenances = new Map([[4, {...maintenance, ...cells}]]);
    const changes = [update('maintenance', {id: 4}, 'title')];
    expect(planCalls(changes, {...rows, maintenances})).toMatchObject({
      calls: [{event: 'addMonitorMaintenance'}],
      restart: [expect.stringContaining('of a form')],
    });
    const manual = new Map([[4, {...maintenance, ...cells, end_date: null, strategy: 'manual'}]]);
    expect(planCalls(changes, {...rows, maintenances: manual}).restart).toEqual([]);
  });

  test('that was made and changed hands before it was told is new', () => {
    expect(planned(insert('maintenance', {id: 4, user_id: 1}), moved)).toEqual({
      calls: ['editMaintenance({4}) as 2', flush],
      restart: [],
    });
  });

  test.each([
    ['of nobody', update('maintenance', {id: 7}, 'title'), 'belongs to no user'],
    ['of a form that no browser sends', update('maintenance', {id: 6}, 'title'), 'of a form'],
    ['with another owner', moved, 'has another owner'],
  ])('%s asks for a restart', (_, change, why) => {
    expect(planned(change).restart).toEqual([expect.stringContaining(why)]);
  });
});

describe('a status page', () => {
  test.each(['status_page', 'group', 'monitor_group', 'incident', 'maintenance_status_page'])(
    'is shown anew after a change of %s',
    (table) => {
      expect(planned(update(table, {id: 1}, 'title'))).toEqual({calls: [flush], restart: []});
    },
  );

  test('is shown anew by a deletion, which comes last', () => {
    const changes = [
      remove('monitor', {id: 9}),
      insert('monitor', {id: 1}),
      update('status_page', {id: 1}, 'title'),
    ];
    expect(planned(...changes).calls).toEqual([
      'resumeMonitor(1) as 1',
      'deleteMonitor(9) as anybody',
    ]);
  });

  test.each([
    ['a domain', insert('status_page_cname', {id: 1})],
    ['the address of a page with a domain', update('status_page', {id: 8}, 'slug')],
    ['the page to begin with', update('setting', {key: 'entryPage'}, 'value')],
  ])('%s asks for a restart', (_, change) => {
    expect(planned(change).restart).toEqual([expect.stringMatching(/read when it starts|when it/)]);
  });

  test('whose address changes needs none without a domain', () => {
    expect(planned(update('status_page', {id: 1}, 'slug')).restart).toEqual([]);
  });
});

describe('what is read on use', () => {
  test.each([
    'api_key',
    'docker_host',
    'notification',
    'monitor_notification',
    'proxy',
    'remote_browser',
    'user',
  ])('needs no call: %s', (table) => {
    expect(planned(update(table, {id: 1}, 'name'))).toEqual({calls: [], restart: []});
  });

  test('needs no call: most settings', () => {
    const change = update('setting', {key: 'keepDataPeriodDays'}, 'value');
    expect(planned(change)).toEqual({calls: [], restart: []});
  });

  test('is shown to open browsers: tags', () => {
    const change = update('tag', {id: 1}, 'name');
    expect(planned(change).calls).toEqual(['getMonitorList() as anybody']);
  });
});

test('the first user asks for a restart, and a further one does not', () => {
  const both = [insert('user', {id: 1}), insert('user', {id: 2})];
  expect(planned(...both).restart).toEqual([expect.stringMatching(/^user: /)]);
  expect(planned(insert('user', {id: 2}))).toEqual({calls: [], restart: []});
});

test('a table that nobody knows asks for a restart', () => {
  expect(planned(insert('better_auth_user', {id: 1})).restart).toEqual([
    'better_auth_user: nobody knows when it reads that table',
  ]);
});

test('every table that travels is spoken of', () => {
  const unknown = noticedOf('no such table');
  const left = uptimeKuma.tables.filter(({table}) => noticedOf(table) === unknown);
  expect(left).toEqual([]);
});

test('reasons hold no cell but ids and names of settings', () => {
  const secret = {id: 5, key: 'entryPage', value: 'the secret', name: 'the secret'};
  const {restart} = planned(
    update('monitor', secret, 'name'),
    update('setting', secret, 'value'),
    insert('status_page_cname', secret),
  );
  expect(restart).toHaveLength(3);
  expect(restart.join()).not.toContain('secret');
});
