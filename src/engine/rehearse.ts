/** The main transaction played through and rolled back: what could refuse it has then been tried. */
import {applyPlan} from '../apply/apply-plan.ts';
import type {Database} from '../database/port.ts';
import type {Plan} from '../plan/plan.ts';
import type {Snapshot} from './snapshot-reader.ts';
import {applyRequest, type ApplyOptions} from './apply-snapshot.ts';

export type Rehearsal = ApplyOptions & {
  readonly plan: Plan;
  /** Tables whose dependents are left alone, and the references to what goes with them. */
  readonly without: ReadonlySet<string>;
};

/**
 * Dependents that are trimmed are gone for good, so that nothing may stop the rest afterwards.
 *
 * @throws {EngineError} What the transaction would throw.
 */
export async function rehearse(
  database: Database,
  target: Snapshot,
  {plan, without, ...how}: Rehearsal,
): Promise<void> {
  const stays = ({key}: {readonly key: {readonly table: string}}): boolean =>
    !without.has(key.table);
  const rest = {
    ...plan,
    before: plan.before.filter(stays),
    after: plan.after.filter(stays),
    children: plan.children.filter(stays),
  };
  await applyPlan(rollingBack(database), applyRequest(rest, target.manifest, how));
}

class Rehearsed extends Error {}

/** The same database, in which every transaction ends by rolling back. */
function rollingBack(database: Database): Database {
  return {
    ...database,
    transact: async <T>(work: Parameters<typeof database.transact<T>>[0]): Promise<T> => {
      let played: {readonly result: T} | undefined;
      try {
        return await database.transact<T>(async (view) => {
          played = {result: await work(view)};
          throw new Rehearsed();
        });
      } catch (error) {
        if (error instanceof Rehearsed && played !== undefined) return played.result;
        throw error;
      }
    },
  };
}
