/** Which rows were followed when a database was last brought to a snapshot, as the state keeps it. */
import {z} from 'zod';
import type {RowFilter} from '../schema/row-filter.ts';
import type {MergedTable, Ways} from './followed.ts';

/** Conditions on the rows of a table; undefined for all rows, `off` where the table was not followed. */
export type Domains = (table: string) => readonly RowFilter[] | 'off' | undefined;

/** Of every table that was followed, the conditions on its rows; of those that rest, what they were before. */
export function encodeDomains({exact, merged, resting}: Ways, before: Domains): string {
  const whole = exact.map(({name}) => [name, []] as const);
  const partial = merged.map(({table, filters}: MergedTable) => [table.name, filters] as const);
  const rest = resting.map(({name}) => [name, before(name) ?? []] as const);
  const kept = rest.filter(([, filters]) => filters !== 'off');
  return JSON.stringify(Object.fromEntries([...whole, ...partial, ...kept]));
}

/** What an older release wrote, or what got damaged, says nothing: then all rows were followed. */
export function decodeDomains(text: string | null | undefined): Domains {
  const parsed = domainsSchema.safeParse(jsonOf(text));
  if (!parsed.success) return () => undefined;
  const tables = new Map(Object.entries(parsed.data));
  return (table) => tables.get(table) ?? 'off';
}

const domainsSchema = z.record(z.string(), z.array(z.custom<RowFilter>(isFilter)));

function isFilter(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'column' in value;
}

function jsonOf(text: string | null | undefined): unknown {
  try {
    return text === null || text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
