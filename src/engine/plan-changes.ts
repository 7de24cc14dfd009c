/** Changes → plan, with what the database has to say about them. */
import type {View} from '../database/port.ts';
import {makePlan, type TableChanges} from '../plan/make-plan.ts';
import type {Plan} from '../plan/plan.ts';
import {findCascades} from './find-cascades.ts';
import {findOrder} from './find-order.ts';

/** @throws {EngineError} `UNIQUE_CYCLE`, `FOREIGN_KEY`. */
export async function planChanges(view: View, changes: TableChanges): Promise<Plan> {
  const {tables: schema} = await view.schema();
  const ordered = await findOrder(view, schema, changes);
  return makePlan(schema, changes, {...(await findCascades(view, schema, changes)), ordered});
}
