/**
 * What Prometheus reads. Made anew for each answer from what the service counts, so that there is nothing to keep in step,
 * and nothing that belongs to the whole process.
 */
import {Counter, Gauge, Registry} from 'prom-client';
import type {ApplicationReport, Measures, StatusReport} from '../service/source.ts';
import type {StatusWord} from '../service/status.ts';

export type Measured = {
  readonly status: StatusReport;
  readonly measures: Measures;
  readonly loopDelayP99Seconds: number;
};

export type Exposition = {readonly contentType: string; readonly text: string};

export async function expose(measured: Measured): Promise<Exposition> {
  const registry = new Registry();
  exposeStatus(registry, measured.status);
  exposeApplication(registry, measured.status.application);
  exposeMeasures(registry, measured.measures);
  exposeCounts(registry, measured.measures.counts);
  exposeNotices(registry, measured.measures.notices);
  exposeReloads(registry, measured);
  exposeCare(registry, measured);
  const loop = 'How late the event loop was, 99th percentile since the last scrape.';
  gauge(registry, 'event_loop_lag_p99_seconds', loop, measured.loopDelayP99Seconds);
  const memory = 'Memory of the process that is in RAM.';
  gauge(registry, 'resident_memory_bytes', memory, process.memoryUsage.rss());
  return {contentType: registry.contentType, text: await registry.metrics()};
}

const WORDS: Readonly<Record<StatusWord, true>> = {
  ok: true,
  waiting: true,
  degraded: true,
  stale: true,
  held: true,
  fenced: true,
  failed: true,
};

function exposeStatus(registry: Registry, report: StatusReport): void {
  const info = labelled(registry, 'info', 'The role of this instance; always 1.', ['role']);
  info.set({role: report.role}, 1);
  const status = labelled(registry, 'status', '1 for the status that it has, else 0.', ['status']);
  for (const word of Object.keys(WORDS)) status.set({status: word}, word === report.status ? 1 : 0);
  const {position, lagSeconds, lastCycle, lastApply} = report;
  const lag = 'Since the rows were last found, or left, as they shall be.';
  gauge(registry, 'lag_seconds', lag, lagSeconds);
  gauge(registry, 'position_epoch', 'Epoch of the snapshot held here.', position?.epoch);
  gauge(registry, 'position_sequence', 'Sequence of the snapshot held here.', position?.sequence);
  const took = 'How long the last cycle took.';
  gauge(registry, 'last_cycle_duration_seconds', took, lastCycle?.seconds);
  const applied = 'When a snapshot was last applied, since 1970.';
  gauge(registry, 'last_apply_timestamp_seconds', applied, secondsSince1970(lastApply?.at));
  gauge(registry, 'drift_rows', 'Rows edited here, at the last scan.', report.drift);
  const muted = '1 on a replica whose application is kept from alerting.';
  gauge(registry, 'muted', muted, report.muted ? 1 : 0);
}

function exposeApplication(registry: Registry, application: ApplicationReport | null): void {
  if (application === null) return;
  const {pid, restarts} = application;
  gauge(registry, 'application_up', '1 while the application runs.', pid === null ? 0 : 1);
  const help = 'Starts of the application after a crash.';
  counter(registry, 'application_restarts_total', help).inc(restarts);
}

function exposeMeasures(registry: Registry, measures: Measures): void {
  const {succeededAt, signAgeSeconds, staleAfterSeconds, conflicts} = measures;
  const success = 'When a cycle last succeeded, since 1970.';
  gauge(registry, 'last_success_timestamp_seconds', success, succeededAt);
  const sign = 'Since the primary last gave a new sign of life, as a replica sees it.';
  gauge(registry, 'sign_of_life_age_seconds', sign, signAgeSeconds);
  const limit = 'The age from which on it counts as stale.';
  gauge(registry, 'stale_after_seconds', limit, staleAfterSeconds);
  gauge(registry, 'conflicts', 'Conflicts that wait for a decision.', conflicts);
}

function exposeCounts(registry: Registry, counts: Measures['counts']): void {
  const {cycles, cycleSeconds, captures, applies, rows} = counts;
  const ended = counter(registry, 'cycles_total', 'Cycles, by what they did.', ['outcome']);
  for (const [outcome, number] of cycles) ended.inc({outcome}, number);
  counter(registry, 'cycle_duration_seconds_total', 'Time in cycles.').inc(cycleSeconds);
  counter(registry, 'captures_total', 'Snapshots stored.').inc(captures);
  counter(registry, 'applies_total', 'Snapshots applied.').inc(applies);
  const help = 'Rows captured or written, by table and operation.';
  const written = counter(registry, 'rows_total', help, ['table', 'op']);
  for (const [table, {inserted, updated, deleted}] of rows) {
    written.inc({table, op: 'insert'}, inserted);
    written.inc({table, op: 'update'}, updated);
    written.inc({table, op: 'delete'}, deleted);
  }
}

function exposeNotices(registry: Registry, {sent, failed}: Measures['notices']): void {
  const help = 'Notices to receivers, by how that went.';
  const notices = counter(registry, 'notifications_total', help, ['outcome']);
  notices.inc({outcome: 'sent'}, sent);
  notices.inc({outcome: 'failed'}, failed);
}

function exposeReloads(registry: Registry, {status, measures}: Measured): void {
  if (status.reload === null) return;
  const {runs, seconds} = measures.reloads;
  const help = 'Times that the application was to take notice, by how, and how that went.';
  const reloads = counter(registry, 'reloads_total', help, ['strategy', 'outcome']);
  for (const {strategy, outcome, runs: number} of runs) reloads.inc({strategy, outcome}, number);
  const took = 'Time spent on that.';
  counter(registry, 'reload_duration_seconds_total', took).inc(seconds);
  const due = '1 while somebody has to restart the application.';
  gauge(registry, 'restart_due', due, status.reload.restartDue === null ? 0 : 1);
}

function exposeCare(registry: Registry, {status, measures}: Measured): void {
  const proven = 'When a restore drill last proved that a snapshot can be restored, since 1970.';
  gauge(registry, 'proven_timestamp_seconds', proven, secondsSince1970(status.proven));
  const help = 'Tasks done for the store, by task and outcome.';
  const runs = counter(registry, 'care_runs_total', help, ['task', 'outcome']);
  for (const {task, outcome, runs: number} of measures.care) runs.inc({task, outcome}, number);
}

const PREFIX = 'rowplica_';

/** What is not known is left out: a zero would be taken for one. */
function gauge(
  registry: Registry,
  name: string,
  help: string,
  value: number | null | undefined,
): void {
  if (value != null) labelled(registry, name, help, []).set(value);
}

function labelled<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[],
): Gauge<Label> {
  return new Gauge({name: `${PREFIX}${name}`, help, labelNames, registers: [registry]});
}

function counter<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
): Counter<Label> {
  return new Counter({name: `${PREFIX}${name}`, help, labelNames, registers: [registry]});
}

function secondsSince1970(at: string | null | undefined): number | undefined {
  return at == null ? undefined : Date.parse(at) / 1000;
}
