/** How long replicate holds the write lock, as people read it. */
import pc from 'picocolors';
import type {ReplicateResult} from '../../engine/replicate.ts';
import {counted, grouped} from '../../kernel/counted.ts';

/** What a dry run foresees, or what a run measured; nothing where nothing is written. */
export function lockLines({dryRun, lock}: ReplicateResult): readonly string[] {
  const trimmed = Object.entries(lock.trimmed).map(([table, rows]) =>
    dryRun
      ? `  ${table}: ${counted(rows, 'row')} that refer to deleted rows will be trimmed first in short transactions`
      : `  ${table}: ${grouped(rows)} of these rows were trimmed first in short transactions`,
  );
  return [...trimmed, ...holdLine(dryRun, lock)];
}

function holdLine(
  dryRun: boolean,
  {estimatedMs, heldMs}: ReplicateResult['lock'],
): readonly string[] {
  if (dryRun)
    return estimatedMs === 0
      ? []
      : [pc.dim(`The write lock would be held for about ${text(estimatedMs)}.`)];
  if (heldMs.length === 0) return [];
  const longest = text(Math.ceil(Math.max(...heldMs)));
  return [
    pc.dim(
      heldMs.length === 1
        ? `The write lock was held for ${longest}.`
        : `The write lock was held for ${longest} at the longest, ${heldMs.length} times in all.`,
    ),
  ];
}

const text = (ms: number): string => `${grouped(ms)} ms`;
