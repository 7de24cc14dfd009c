/** Applies a plan so that a crash at any instant leaves a database whose rows tell what happened. */
import {applyPlan, type Applied, type ApplyRequest} from '../apply/apply-plan.ts';
import {decodeCell} from '../canonical/cell.ts';
import type {Plan} from '../plan/plan.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import {encodeIntent} from './intent.ts';
import type {Opened} from './open.ts';
import {guardSource} from './plan-replicate.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** Intent first, then the transaction, then the record that it happened. */
export async function applyDurably(
  {database, state}: Opened,
  target: Snapshot,
  plan: Plan,
  full: boolean,
): Promise<Applied> {
  const position = {...target.ref, manifest: target.bytes};
  const intent = await state.intend(position, encodeIntent(plan));
  let applied: Applied;
  try {
    applied = await applyPlan(database, applyRequest(plan, target.manifest, full));
  } catch (error) {
    await state.drop(intent);
    throw error;
  }
  await state.applied(intent, position);
  return applied;
}

function applyRequest(plan: Plan, manifest: Manifest, full: boolean): ApplyRequest {
  const prove = manifest.tables.map((table) => ({
    shape: shapeOf(table),
    digest: table.digest,
    rows: table.rows,
  }));
  const counters = new Map<string, bigint>();
  for (const {name, counter} of manifest.tables) {
    const value = counter === undefined ? null : decodeCell(counter);
    if (typeof value === 'bigint') counters.set(name, value);
  }
  // Whether whole rows may be compared here was decided when the plan was made.
  const guard: ApplyRequest['guard'] = (view) => guardSource(view, manifest, 'multiset');
  return {plan, guard, prove: full ? prove : undefined, counters, isCarried: carriedBy(manifest)};
}

/** References that dangle on the primary too. */
function carriedBy(manifest: Manifest): ApplyRequest['isCarried'] {
  return (key, encoded) => {
    const table = manifest.tables.find((candidate) => candidate.name === key.table);
    const known = table?.violations?.find(
      ({columns, parent}) => parent === key.parent && columns.join('\n') === key.columns.join('\n'),
    );
    return known !== undefined && (known.values === undefined || known.values.includes(encoded));
  };
}
