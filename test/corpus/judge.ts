/** What is wrong with a replica after somebody claimed to have brought it to the primary's rows. */
import {copyFileSync} from 'node:fs';
import type {Case} from './case.ts';
import {dump, run, type Dump, type TypedRows} from './databases.ts';

/** The three moments that are compared; dumps of whole databases. */
export type Evidence = {
  readonly primary: Dump;
  readonly before: Dump;
  /** The replica before, with nothing done to it but what the case says of local tables. */
  readonly due: Dump;
};

/** Looks at both databases before anything is done to them. */
export function gather(from: Case, primary: string, replica: string): Evidence {
  const before = dump(replica);
  if (from.local === undefined) return {primary: dump(primary), before, due: before};
  const copy = `${replica}-due`;
  copyFileSync(replica, copy);
  run(copy, from.local);
  return {primary: dump(primary), before, due: dump(copy)};
}

/** Faults of a replica that should have converged; none where all is well. Names no cell values. */
export function faultsOf(from: Case, {primary, before, due}: Evidence, after: Dump): string[] {
  const faults: string[] = [];
  for (const table of from.tables) {
    const fault = unequal(primary.tables.get(table) ?? [], after.tables.get(table) ?? []);
    if (fault !== undefined) faults.push(`${table}: ${fault}`);
  }
  for (const table of new Set([...due.tables.keys(), ...after.tables.keys()])) {
    if (from.tables.includes(table) || table === 'sqlite_sequence') continue;
    if (!equal(due.tables.get(table), after.tables.get(table)))
      faults.push(`local table ${table} ${due === before ? 'changed' : 'is not as declared'}`);
  }
  if (!equal(countersDue(from, primary, due), after.tables.get('sqlite_sequence') ?? []))
    faults.push('counters of AUTOINCREMENT are off');
  if (!equal(before.schema, after.schema)) faults.push('declarations or settings changed');
  if (after.integrity !== 'ok') faults.push('integrity check fails');
  const known = new Set([...before.dangling, ...primary.dangling]);
  if (after.dangling.some((row) => !known.has(row))) faults.push('new dangling references');
  return faults;
}

/** True where two dumps hold the same, to the bit. */
export function isSame(a: Dump, b: Dump): boolean {
  return JSON.stringify(flat(a)) === JSON.stringify(flat(b));
}

function flat({tables, ...rest}: Dump): unknown {
  return [[...tables], rest];
}

function unequal(wanted: TypedRows, found: TypedRows): string | undefined {
  if (equal(wanted, found)) return undefined;
  if (found.length < wanted.length) return `${wanted.length - found.length} of its rows missing`;
  return found.length > wanted.length ? 'rows left over' : 'rows not equal';
}

/** Counters never go back, and those of replicated tables reach the primary's. */
function countersDue(from: Case, primary: Dump, due: Dump): TypedRows {
  const counters = readCounters(due);
  for (const [table, counter] of readCounters(primary)) {
    if (!from.tables.includes(table)) continue;
    const own = counters.get(table);
    if (own === undefined || own < counter) counters.set(table, counter);
  }
  return [...counters].map(([table, counter]) => counterRow(table, counter)).sort();
}

const counterRow = (table: string, counter: bigint): string =>
  JSON.stringify([
    ['name', `text ${Buffer.from(table).toString('hex')}`],
    ['seq', `integer ${counter}`],
  ]);

function readCounters({tables}: Dump): Map<string, bigint> {
  const rows = tables.get('sqlite_sequence') ?? [];
  return new Map(
    rows.map((row) => {
      const [[, name], [, seq]] = JSON.parse(row) as [[string, string], [string, string]];
      const table = Buffer.from(name.replace('text ', ''), 'hex').toString();
      return [table, BigInt(seq.replace('integer ', ''))];
    }),
  );
}

function equal(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
