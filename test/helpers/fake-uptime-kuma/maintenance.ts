// Maintenances as the server takes them over its socket: objects of another shape than the rows.

import type {Memory, Row} from './memory.ts';

type Time = {readonly hours: number; readonly minutes: number; readonly seconds?: number};

/** What is sent. Members that are missing make it fail, as `dateRange` does in the server. */
type Sent = Row & {
  readonly id?: number;
  readonly dateRange: readonly (string | null)[];
  readonly timeRange: readonly Time[];
};

export function addMaintenance(memory: Memory, user: number, sent: Sent): void {
  const row = {...columnsOf(sent), user_id: user};
  const id = sent.id ?? null;
  const names = Object.keys(row);
  if (id !== null && memory.row('maintenance', id) !== undefined) update(memory, id, row);
  else
    memory.db
      .prepare(
        `INSERT INTO maintenance (${names.join()}) VALUES (${names.map((name) => `@${name}`).join()})`,
      )
      .run(row);
  const last = memory.db.prepare('SELECT max(id) FROM maintenance').pluck().get();
  // The timers of one that it knew already go on beside the new ones.
  if (id !== null && memory.maintenances.has(id)) memory.note({fault: 'timers', maintenance: id});
  register(memory, id ?? Number(last));
}

/** One that it does not know has no owner. */
export function editMaintenance(memory: Memory, user: number, sent: Sent): void {
  const known = memory.maintenances.get(Number(sent.id));
  if (known === undefined) throw new Error("Cannot read properties of null (reading 'user_id')");
  if (known['user_id'] !== user) throw new Error('Permission denied.');
  update(memory, Number(sent.id), columnsOf(sent));
  register(memory, Number(sent.id));
}

export function deleteMaintenance(memory: Memory, user: number, id: number): void {
  memory.maintenances.delete(id);
  memory.db.prepare('DELETE FROM maintenance WHERE id = ? AND user_id = ?').run(id, user);
  memory.clearPages();
}

function register(memory: Memory, id: number): void {
  memory.maintenances.set(id, memory.row('maintenance', id) ?? {});
}

function update(memory: Memory, id: number, row: Row): void {
  const set = Object.keys(row).map((name) => `${name} = @${name}`);
  memory.db.prepare(`UPDATE maintenance SET ${set.join()} WHERE id = @id`).run({...row, id});
}

function columnsOf(sent: Sent): Row {
  const {title, description, strategy, intervalDay, timezoneOption, active, dateRange} = sent;
  const [start, end] = dateRange;
  const common = {
    title,
    description,
    strategy,
    interval_day: intervalDay,
    timezone: timezoneOption,
    active: Number(active),
    start_date: dateOf(start),
    end_date: dateOf(end),
  };
  if (strategy === 'cron')
    return {...common, cron: sent['cron'], duration: Number(sent['durationMinutes']) * 60};
  if (!String(strategy).startsWith('recurring-')) return common;
  const [from = '', to = ''] = sent.timeRange.map(timeText);
  return {
    ...generated(String(strategy), from, to, sent),
    ...common,
    start_time: from,
    end_time: to,
    weekdays: JSON.stringify(sent['weekdays']),
    days_of_month: JSON.stringify(sent['daysOfMonth']),
  };
}

function dateOf(date: string | null | undefined): string | null {
  if (!date) return null;
  if (Number.isNaN(new Date(date).getTime())) throw new Error('Invalid date');
  return date;
}

/** What it works out of the rest, and writes. */
function generated(strategy: string, from: string, to: string, sent: Sent): Row {
  const [hour, minute] = from.split(':').map(Number);
  const days = {
    'recurring-weekday': `* * ${numbers(sent['weekdays'])}`,
    'recurring-day-of-month': `${numbers(sent['daysOfMonth'])} * *`,
  }[strategy];
  const seconds = minutes(to) * 60 - minutes(from) * 60;
  const duration = seconds < 0 ? seconds + 24 * 3600 : seconds;
  return {cron: `${minute} ${hour} ${days ?? ' * * *'}`, duration};
}

const numbers = (list: unknown): string =>
  [...(list as readonly number[])].sort((a, b) => a - b).join();

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}

function timeText({hours, minutes, seconds}: Time): string {
  const parts = seconds ? [hours, minutes, seconds] : [hours, minutes];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
