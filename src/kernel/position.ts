/** Where a database stands in the history that its primary writes. */

export type Position = {
  /** One history; a new one when a primary starts over in an empty store. */
  readonly lineage: string;
  /** Raised at each change of primary, from 1. */
  readonly epoch: number;
  /** Raised at each snapshot of the lineage, from 1; never reset. */
  readonly sequence: number;
  /** Digest of the manifest: names one snapshot exactly. */
  readonly digest: string;
};

/** Orders two positions of one lineage: negative when `a` is older. */
export function comparePositions(
  a: Pick<Position, 'epoch' | 'sequence'>,
  b: Pick<Position, 'epoch' | 'sequence'>,
): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}
