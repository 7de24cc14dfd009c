/** What Prometheus reads, line by line. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {parse} from 'yaml';
import {expose} from '../../../src/http/metrics.ts';
import {goodStatus, Said, serve, someMeasures} from '../../helpers/http.ts';
import {project} from '../../helpers/run-process.ts';

const label = '[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const sample = new RegExp(
  `^(rowplica_[a-z0-9_]+)(?:\\{${label}(?:,${label})*\\})? (-?[0-9.e+-]+)$`,
);

async function lines(): Promise<readonly string[]> {
  const client = await serve(new Said());
  const {headers, status, text} = await client.ask('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return text.split('\n').filter((line) => line !== '');
}

test('every line is one that Prometheus understands, and every measure says what it is', async () => {
  const told = new Map<string, Set<string>>();
  for (const line of await lines()) {
    const [, kind, name] = /^# (HELP|TYPE) (rowplica_[a-z0-9_]+) \S/.exec(line) ?? [];
    if (kind !== undefined && name !== undefined) {
      told.set(name, (told.get(name) ?? new Set()).add(kind));
      continue;
    }
    const [, measure = ''] = sample.exec(line) ?? [];
    expect([line, told.get(measure)?.size]).toEqual([line, 2]);
  }
  expect(told.size).toBeGreaterThan(12);
});

test('counters end in _total and nothing else does, and times are in seconds', async () => {
  for (const line of await lines()) {
    const [, name = '', type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== '') expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    expect(line).not.toMatch(/_(?:ms|milliseconds|minutes)\b/);
  }
});

test('values are those of the service; names are escaped', async () => {
  const all = await lines();
  expect(all).toContain('rowplica_status{status="ok"} 1');
  expect(all).toContain('rowplica_status{status="stale"} 0');
  expect(all).toContain('rowplica_info{role="replica"} 1');
  expect(all).toContain('rowplica_cycles_total{outcome="looked"} 12');
  expect(all).toContain('rowplica_applies_total 2');
  expect(all).toContain('rowplica_rows_total{table="mon\\"i\\\\t\\nor",op="insert"} 3');
  expect(all).toContain('rowplica_last_success_timestamp_seconds 1790000000.5');
  expect(all).toContain('rowplica_sign_of_life_age_seconds 4');
  expect(all).toContain('rowplica_position_sequence 7');
  expect(all).toContain('rowplica_notifications_total{outcome="sent"} 3');
  expect(all).toContain('rowplica_notifications_total{outcome="failed"} 1');
  expect(all).toContain('rowplica_care_runs_total{task="drill",outcome="done"} 3');
  expect(all).toContain('rowplica_care_runs_total{task="check",outcome="failed"} 1');
  expect(all).toContain('rowplica_proven_timestamp_seconds 1767312000');
});

test('what told the application is counted', async () => {
  const all = await lines();
  expect(all).toContain('rowplica_reloads_total{strategy="socket",outcome="told"} 2');
  expect(all).toContain('rowplica_reload_duration_seconds_total 0.5');
  expect(all).toContain('rowplica_restart_due 0');
  const given = {measures: someMeasures, loopDelayP99Seconds: 0};
  const due = {...goodStatus, reload: {last: null, restartDue: 'a reason'}};
  expect((await expose({...given, status: due})).text).toContain('rowplica_restart_due 1\n');
  const primary = await expose({...given, status: {...goodStatus, reload: null}});
  expect(primary.text).not.toMatch(/reload|restart_due/);
});

test('an application that is supervised is counted', async () => {
  const lastExit = {code: 3, signal: null, at: '2026-01-02T03:04:05.678Z'};
  const application = {state: 'restarting', pid: null, restarts: 7, lastExit} as const;
  const status = {...goodStatus, application};
  const {text} = await expose({status, measures: someMeasures, loopDelayP99Seconds: 0});
  expect(text).toContain('rowplica_application_up 0\n');
  expect(text).toContain('rowplica_application_restarts_total 7\n');
  expect(await lines()).not.toContainEqual(expect.stringContaining('rowplica_application'));
});

type Rules = {readonly groups: readonly {readonly rules: readonly {readonly expr: string}[]}[]};
type Dashboard = {
  readonly panels: readonly {readonly targets: readonly {readonly expr: string}[]}[];
};

test('the alerts and the dashboard that are shipped ask for nothing else', async () => {
  const application = {state: 'ready', pid: 5, restarts: 0, lastExit: null} as const;
  const status = {...goodStatus, application};
  const {text} = await expose({status, measures: someMeasures, loopDelayP99Seconds: 0});
  const known = new Set([...text.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name));
  const shipped = (name: string): string =>
    readFileSync(join(project, 'packaging/monitoring', name), 'utf8');
  const rules = parse(shipped('rules.yaml')) as Rules;
  const dashboard = JSON.parse(shipped('dashboard.json')) as Dashboard;
  const asked = [
    ...rules.groups.flatMap((group) => group.rules.map(({expr}) => expr)),
    ...dashboard.panels.flatMap(({targets}) => targets.map(({expr}) => expr)),
  ];
  expect(asked.length).toBeGreaterThan(12);
  const names = asked.flatMap((expr) => expr.match(/rowplica_\w+/g) ?? []);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});

test('what is not known is left out, and nothing adds up from scrape to scrape', async () => {
  const status = {
    ...goodStatus,
    position: null,
    lastCycle: null,
    lastApply: null,
    lagSeconds: null,
    proven: null,
  };
  const measures = {...someMeasures, signAgeSeconds: undefined, succeededAt: undefined};
  const measured = {status, measures, loopDelayP99Seconds: 0};
  const {text: first} = await expose(measured);
  const {text: second} = await expose(measured);
  expect(first).not.toMatch(/position|lag_seconds |sign_of_life|timestamp/);
  const counted = (text: string): readonly string[] =>
    text.split('\n').filter((line) => line.includes('_total'));
  expect(counted(second)).toEqual(counted(first));
});
