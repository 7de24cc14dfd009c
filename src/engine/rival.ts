/** What a primary finds in the store once it has stored a snapshot: whether that is there, and whether it is alone. */
import {EngineError} from '../kernel/errors.ts';
import type {SnapshotRef, Store} from '../store/port.ts';
import {newestSnapshot} from './choose-snapshot.ts';
import {shortId} from './short-id.ts';

/**
 * Two primaries may have stored at the same moment; both look again, both say so, and neither goes on.
 *
 * @returns whether the store shows the snapshot just stored.
 * @throws {EngineError} `FENCED`, and `FORKED` where both went on from one snapshot.
 */
export async function refuseRival(
  store: Store,
  mine: SnapshotRef,
  isFirst: boolean,
): Promise<{readonly isShown: boolean}> {
  const shown = await store.list();
  const isShown = shown.some(({digest}) => digest === mine.digest);
  const refs = isShown ? shown : [...shown, mine];
  const newest = newestSnapshot(refs, mine.lineage);
  const isNewest = newest?.digest === mine.digest;
  const other = isFirst ? refs.find((ref) => ref.lineage !== mine.lineage) : undefined;
  const beside = refs.find(
    ({lineage, sequence, digest}) =>
      lineage === mine.lineage && sequence >= mine.sequence && digest !== mine.digest,
  );
  const rival = isNewest ? (other ?? beside) : newest;
  if (rival === undefined) return {isShown};
  throw new EngineError(
    'FENCED',
    `another primary (${shortId(rival.author)}) stored a snapshot at the same time`,
    {
      site: {snapshot: shortId(rival.digest)},
      hint: 'Run only one primary: remove the snapshots of the other from the store, or replicate here to follow it.',
    },
  );
}

/** The snapshot is on record by then, so that its position is not given out once more. */
export function notShown({name}: Store, {sequence, digest}: SnapshotRef): EngineError {
  return new EngineError(
    'STORE_FAILED',
    `${name} does not show the snapshot just stored (sequence ${sequence}): its list is not up to date, or it lost the snapshot`,
    {
      site: {snapshot: shortId(digest)},
      hint: 'Capture again: what the store still does not show then is stored anew.',
      retryable: true,
    },
  );
}
