/** The fuse: a plan that would empty a table, or most of it, stops unless that was asked for. */
import {EngineError} from '../kernel/errors.ts';
import {FUSE_DELETE_SHARE_MAX, FUSE_ROWS_MIN} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';

type Leave = {
  /** Tables whose deletes were allowed for this run, by name. */
  readonly allowed: ReadonlySet<string>;
  /** Tables whose last rows go on any day: as long as they are a handful, they may. */
  readonly mayEmpty?: ReadonlySet<string> | undefined;
};

/**
 * @param rowsBefore Rows of each table before the plan.
 * @throws {EngineError} `FUSE` naming the first table that stops the plan.
 */
export function checkFuse(
  tables: ReadonlyMap<string, ChangeCounts>,
  rowsBefore: ReadonlyMap<string, number>,
  {allowed, mayEmpty}: Leave,
): void {
  for (const [table, counts] of tables) {
    const before = rowsBefore.get(table) ?? 0;
    if (allowed.has(table) || (before < FUSE_ROWS_MIN && mayEmpty?.has(table) === true)) continue;
    const why = reasonToStop(before, counts);
    if (why === undefined) continue;
    throw new EngineError(
      'FUSE',
      `refused to delete ${counts.deleted} of ${before} rows of table "${table}": ${why}`,
      {
        site: {table},
        hint: `If that is meant, allow it for one run with --allow-deletes ${table}.`,
      },
    );
  }
}

/**
 * For a database that may be nobody's replica: rows may come, and none that is there may change.
 *
 * @throws {EngineError} `FUSE` naming the first table of which one would.
 */
export function checkOnlyAdds(tables: ReadonlyMap<string, ChangeCounts>): void {
  for (const [table, {updated, deleted}] of tables) {
    if (updated + deleted === 0) continue;
    throw new EngineError(
      'FUSE',
      `refused to change ${updated} and delete ${deleted} rows of table "${table}": this database was no replica so far, and nobody said that it is one`,
      {
        site: {table},
        hint: 'If its rows shall become those of the primary, say so: --role replica, ROWPLICA_ROLE=replica or REPLICATOR_MODE=RESTORE.',
      },
    );
  }
}

function reasonToStop(before: number, {inserted, deleted}: ChangeCounts): string | undefined {
  if (deleted === 0) return undefined;
  if (deleted >= before && inserted === 0) return 'the table would be empty';
  const share = deleted / before;
  if (before < FUSE_ROWS_MIN || share <= FUSE_DELETE_SHARE_MAX) return undefined;
  return `that is more than ${FUSE_DELETE_SHARE_MAX * 100} % of it`;
}
