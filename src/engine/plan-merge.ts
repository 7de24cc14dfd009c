/** The changes that a merge comes to: rows merged one by one, decisions carried out, and all of them brought to stand side by side. */
import type {View} from '../database/port.ts';
import type {Position} from '../kernel/position.ts';
import type {TableChanges} from '../plan/make-plan.ts';
import {interrupted} from './read-tables.ts';
import {Draft} from './draft.ts';
import {carryOut, gathered, openConflicts, reportOf} from './inbox.ts';
import {mergeTables} from './merge-tables.ts';
import type {Planned, PlanRequest} from './plan-replicate.ts';
import {settle} from './settle.ts';
import {TheirRows} from './their-rows.ts';

type MergeRequest = Omit<PlanRequest, 'database'> & {
  /** Changes of the tables that shall equal the snapshot's. */
  readonly exact: TableChanges;
  readonly position: Position;
};

type PlannedMerge = Omit<Planned, 'plan' | 'objectsFetched' | 'merged' | 'muted'> & {
  readonly changes: TableChanges;
};

export async function planMerge(view: View, request: MergeRequest): Promise<PlannedMerge> {
  const {reader, target, ways, bases, base, options, exact, position} = request;
  if (options.signal?.aborted) throw interrupted();
  const {tables: schema} = await view.schema();
  const {merged} = ways;
  const contents = await mergeTables({view, reader, target, merged, bases, trusted: base, options});
  const draft = new Draft(view, schema, exact, contents);
  const resting = new Map(ways.resting.map((table) => [table.name, table]));
  const settling = {view, schema, draft, theirs: new TheirRows(reader, target), resting};
  const waiting = await carryOut(settling, request.conflicts);
  await settle(settling);
  const kept = gathered(settling, waiting);
  const open = openConflicts(settling, position, new Date().toISOString());
  return {
    changes: await draft.changes(),
    rowsRead: contents.reduce((sum, {rowsRead}) => sum + rowsRead, 0),
    rowsBefore: await countRows(view, request),
    conflicts: reportOf(settling, kept),
    inbox: [...kept, ...open],
    counters: await reserved(view, request),
  };
}

async function countRows(view: View, {ways}: MergeRequest): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const {table} of ways.merged) counts.set(table.name, await view.count(table.name, []));
  return counts;
}

/** Where the database keeps count of keys, it has to give reserved ones next. */
async function reserved(view: View, {ways}: MergeRequest): Promise<ReadonlyMap<string, bigint>> {
  const counters = new Map<string, bigint>();
  for (const {table, policy} of ways.merged) {
    if (policy.ownKeys === undefined) continue;
    const last = BigInt(policy.ownKeys) - 1n;
    const counter = await view.counter(table.name);
    if (counter !== undefined && counter < last) counters.set(table.name, last);
  }
  return counters;
}
