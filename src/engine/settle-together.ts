/** Rows that mean nothing without each other come from one side, all of them. */
import type {CanonicalRow} from '../kernel/row.ts';
import type {DraftRow, DraftTable} from './draft.ts';
import {conflictOf, type Settling} from './settling.ts';

/** True where something changed. */
export async function settleTogether(settling: Settling): Promise<boolean> {
  let changed = false;
  for (const table of settling.draft.tables.values())
    for (const set of table.merged?.rows?.together ?? [])
      if (await settleSet(settling, table, set)) changed = true;
  return changed;
}

type Member = {
  readonly draft: DraftRow | undefined;
  readonly ours: CanonicalRow | undefined;
  readonly theirs: CanonicalRow | undefined;
};

async function settleSet(
  settling: Settling,
  table: DraftTable,
  values: readonly string[],
): Promise<boolean> {
  const members = await membersOf(settling, table, values);
  const isFrom = (side: 'ours' | 'theirs'): boolean =>
    members.every((member) => finalOf(member)?.text === member[side]?.text);
  if (isFrom('ours') || isFrom('theirs')) return false;
  const [first] = members.flatMap(({draft}) => (draft === undefined ? [] : [draft]));
  if (first === undefined) return false;
  const {taken} = conflictOf(first, 'bothEdited');
  for (const {draft, ours, theirs} of members) {
    const row = taken === 'ours' ? ours : theirs;
    const isSame = ours?.text === theirs?.text;
    const conflict = isSame ? undefined : conflictOf(first, kindOf(ours, theirs));
    if (draft !== undefined) settling.draft.change({...draft, theirs}, row, conflict);
    else settling.draft.put(table, {base: undefined, ours, theirs, row, conflict});
  }
  return true;
}

function kindOf(
  ours: CanonicalRow | undefined,
  theirs: CanonicalRow | undefined,
): 'bothEdited' | 'deletedHere' | 'editedHere' {
  if (ours === undefined) return 'deletedHere';
  return theirs === undefined ? 'editedHere' : 'bothEdited';
}

function finalOf({draft, ours}: Member): CanonicalRow | undefined {
  return draft === undefined ? ours : draft.row;
}

/** The rows of a set, on both sides. */
async function membersOf(
  {draft, theirs, view}: Settling,
  table: DraftTable,
  values: readonly string[],
): Promise<readonly Member[]> {
  const {shape, merged, isFollowed} = table;
  const at = shape.columns.findIndex(({name}) => name === merged?.rows?.column);
  const find = (rows: readonly CanonicalRow[], value: string): CanonicalRow | undefined =>
    rows.find(({cells}) => cells[at] === value && isFollowed(cells));
  const there: CanonicalRow[] = [];
  for await (const row of theirs.rows(shape.table)) there.push(row);
  const here: CanonicalRow[] = [];
  for await (const page of view.rows(shape)) here.push(...page);
  return values.map((value) => {
    const [ours, their] = [find(here, value), find(there, value)];
    const drafted = [...table.rows.values()].find((row) =>
      ours === undefined
        ? row.ours === undefined && row.theirs?.cells[at] === value
        : row.id === draft.of(table, ours).id,
    );
    return {draft: drafted, ours, theirs: their};
  });
}
