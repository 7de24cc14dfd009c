/** How tables were followed when a database was last brought to a snapshot, as the state keeps it. */
import {z} from 'zod';
import {compareNames} from '../schema/names.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import type {MergedTable, Ways} from './followed.ts';

/** Conditions on the rows of a table; undefined for all rows, `off` where the table was not followed. */
export type Domains = (table: string) => readonly RowFilter[] | 'off' | undefined;

/**
 * Of every table that was followed, the conditions on its rows and what was done with them; of those that rest, what it was before. A table
 * that was kept empty stays on record as that until it is followed again: nobody brought its rows back.
 */
export function encodeDomains(ways: Ways, before: string | null | undefined): string {
  const known = new Map(Object.entries(parsed(before) ?? {}));
  const isMuted = ({name}: {readonly name: string}): boolean => ways.muted.has(name);
  const whole = ways.exact.map((table) => [table.name, isMuted(table) ? EMPTY : COPY] as const);
  const partial = ways.merged.map((merged) => {
    const domain = isMuted(merged.table) ? {...EMPTY, only: [...merged.filters]} : domainOf(merged);
    return [merged.table.name, domain] as const;
  });
  const rest = ways.resting.flatMap(({name}) => {
    const domain = before === null || before === undefined ? COPY : known.get(name);
    return domain === undefined ? [] : [[name, domain] as const];
  });
  const lost = [...known].filter(([, {by}]) => by === EMPTY.by);
  const all = new Map([...lost, ...whole, ...partial, ...rest]);
  const sorted = [...all].sort(([a], [b]) => compareNames(a, b));
  return JSON.stringify(Object.fromEntries(sorted));
}

type Domain = z.infer<typeof domainSchema>;

const COPY: Domain = {only: [], by: 'copy'};
const EMPTY: Domain = {only: [], by: 'muted'};

function domainOf({filters, rules, policy}: MergedTable): Domain {
  return {only: [...filters], by: [rules.rows, rules.cells, ...policy.local].join(' ')};
}

/** What an older release wrote, or what got damaged, says nothing: then all rows were followed. */
export function decodeDomains(text: string | null | undefined): Domains {
  const domains = parsed(text);
  if (domains === undefined) return () => undefined;
  const tables = new Map(Object.entries(domains));
  return (table) => {
    const domain = tables.get(table);
    return domain === undefined || domain.by === EMPTY.by ? 'off' : domain.only;
  };
}

/** Names of the tables that were kept empty. */
export function mutedThen(text: string | null | undefined): readonly string[] {
  return Object.entries(parsed(text) ?? {}).flatMap(([table, {by}]) =>
    by === EMPTY.by ? [table] : [],
  );
}

/** What is on record, with the tables that a write may have emptied, if it happened: nothing comes of it where it did not. */
export function perhapsMuted(
  text: string | null | undefined,
  doubtful: string | null | undefined,
): string | null {
  const [known, intended] = [parsed(text), parsed(doubtful) ?? {}];
  if (known === undefined) return text ?? null;
  const lost = Object.entries(intended).filter(([, {by}]) => by === EMPTY.by);
  return JSON.stringify({...known, ...Object.fromEntries(lost)});
}

function parsed(text: string | null | undefined): Readonly<Record<string, Domain>> | undefined {
  return z.record(z.string(), domainSchema).safeParse(jsonOf(text)).data;
}

const domainSchema = z.strictObject({
  only: z.array(z.custom<RowFilter>(isFilter)),
  by: z.string(),
});

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
