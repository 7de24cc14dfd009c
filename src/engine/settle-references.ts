/** What rows of a merge refer to: whether it will be there, and whether the primary has it. */
import {must} from '../kernel/assert.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import {cellsOf, type DraftTable} from './draft.ts';
import {referenceOf, type Settling} from './settling.ts';

/** A reference, and what it is to. */
export type Link = {
  readonly key: ForeignKey;
  readonly parent: DraftTable;
  /** Values of rows of the draft; looked up once a round, as the next round looks again. */
  readonly provided: ReadonlySet<string>;
};

export function linkOf(settling: Settling, key: ForeignKey, parent: DraftTable): Link {
  return {key, parent, provided: providedBy(settling, parent, key)};
}

function providedBy(
  {schema}: Settling,
  {shape, rows}: DraftTable,
  key: ForeignKey,
): ReadonlySet<string> {
  const folds = referenceFolds(schema, key);
  const values = [...rows.values()].flatMap(
    ({row}) => (row && tuple(shape, key.parentColumns, row, folds)) ?? [],
  );
  return new Set(values);
}

/** True where the row referred to will be there. */
export async function isThere(
  settling: Settling,
  row: CanonicalRow,
  {key, parent, provided}: Link,
): Promise<boolean> {
  const {draft, schema} = settling;
  const child = must(draft.tables.get(key.table), key.table);
  const value = referenceOf(settling, child, key, row);
  if (value === undefined || provided.has(value)) return true;
  const cells = cellsOf(child.shape, key.columns, row);
  const live = await draft.at(parent, {columns: key.parentColumns, cells});
  const kept = live && draft.of(parent, live).row;
  const folds = referenceFolds(schema, key);
  return kept !== undefined && tuple(parent.shape, key.parentColumns, kept, folds) === value;
}

/** True where the primary has no such row, be it one that it left out: what refers to it dangles there, too. */
export async function isNowhere(
  {draft, schema, theirs, resting}: Settling,
  key: ForeignKey,
  value: string,
): Promise<boolean> {
  const parent = draft.tables.get(key.parent)?.merged?.table ?? resting.get(key.parent);
  const isPartial = parent?.where !== undefined;
  return !isPartial && (await theirs.referred(schema, key, value)) === undefined;
}
