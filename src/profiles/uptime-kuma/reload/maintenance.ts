/** A maintenance as the socket takes it: an object of another shape than its row. */
import type {Cell} from '../../../kernel/row.ts';
import {textOf} from '../../migration-records.ts';

export type MaintenanceRow = Readonly<Record<string, Cell>>;

export const MAINTENANCE_COLUMNS = [
  'id',
  'user_id',
  'title',
  'description',
  'strategy',
  'active',
  'interval_day',
  'start_date',
  'end_date',
  'start_time',
  'end_time',
  'weekdays',
  'days_of_month',
  'cron',
  'timezone',
  'duration',
] as const;

/** Undefined where the row holds what the server itself would not have written: what became of it there is anyone's guess. */
export function maintenanceArgument(row: MaintenanceRow): object | undefined {
  const [weekdays, daysOfMonth] = [listOf(row['weekdays']), listOf(row['days_of_month'])];
  const times = [timeOf(row['start_time']), timeOf(row['end_time'])];
  if (weekdays === undefined || daysOfMonth === undefined) return undefined;
  if (times.includes(undefined) || !isWrittenAlike(row)) return undefined;
  const duration = numberOf(row['duration']);
  return {
    id: numberOf(row['id']),
    title: plain(row['title']),
    description: plain(row['description']),
    strategy: plain(row['strategy']),
    intervalDay: numberOf(row['interval_day']),
    active: row['active'] === 1n,
    dateRange: [plain(row['start_date']), plain(row['end_date'])],
    timeRange: times,
    weekdays,
    daysOfMonth,
    cron: plain(row['cron']),
    durationMinutes: duration === null ? null : Math.trunc(duration / 60),
    timezoneOption: plain(row['timezone']),
  };
}

/** A call has it write what it takes: true where that is what the row holds, to the character. */
function isWrittenAlike(row: MaintenanceRow): boolean {
  const {strategy, active, duration, start_date: start, end_date: end} = row;
  if ((active !== 0n && active !== 1n) || start === '' || end === '') return false;
  if (strategy === 'cron') return typeof duration === 'bigint' && duration % 60n === 0n;
  if (!(plain(strategy)?.startsWith('recurring-') ?? false)) return true;
  const isTime = (cell: Cell | undefined): boolean =>
    /^\d\d:\d\d(?::(?!00)\d\d)?$/.test(plain(cell) ?? '');
  const isList = (cell: Cell | undefined): boolean => JSON.stringify(listOf(cell)) === plain(cell);
  return (
    [row['start_time'], row['end_time']].every(isTime) &&
    [row['weekdays'], row['days_of_month']].every(isList)
  );
}

const plain = (cell: Cell | undefined): string | null => textOf(cell) ?? null;

function numberOf(cell: Cell | undefined): number | null {
  return typeof cell === 'bigint' || typeof cell === 'number' ? Number(cell) : null;
}

function listOf(cell: Cell | undefined): unknown {
  const text = plain(cell);
  if (text === null || text === '') return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

type Time = {readonly hours: number; readonly minutes: number; readonly seconds: number};

/** `HH:mm`, with seconds or without. */
function timeOf(cell: Cell | undefined): Time | undefined {
  const text = plain(cell);
  if (text === null || text === '') return {hours: 0, minutes: 0, seconds: 0};
  const [, hours, minutes, seconds] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  return {hours: Number(hours), minutes: Number(minutes), seconds: Number(seconds ?? 0)};
}
