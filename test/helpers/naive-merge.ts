/**
 * What a merge is to give, said as plainly as can be: lists of JSON texts, compared each with each. It shares nothing
 * with src/merge but the words of its rules, so that a mistake there is not made here as well.
 */
import {columnKeys} from '../../src/schema/row-key.ts';
import type {TableShape} from '../../src/schema/table-shape.ts';
import type {WireRow} from '../../src/kernel/row.ts';
import type {MergeRules, Side} from '../../src/merge/rules.ts';

/** The texts of all rows of one table in its three versions. */
type Texts = {
  readonly base: readonly string[];
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
};

/** One row in its three versions; null where it is not there. */
type Triple = readonly [base: string | null, ours: string | null, theirs: string | null];

export type Outcome = {
  readonly base: string | null;
  readonly ours: string | null;
  readonly theirs: string | null;
  readonly row: string | null;
  readonly kind: string | undefined;
  readonly columns: readonly string[];
  readonly taken: Side | undefined;
  readonly isOpen: boolean;
};

type Merged = {
  /** Every row that some side has or had. */
  readonly outcomes: readonly Outcome[];
  /** The fewest inserts, updates and deletes that make of ours what was merged. */
  readonly statements: number;
};

export function naiveMerge(shape: TableShape, rules: MergeRules, texts: Texts): Merged {
  const groups = new Map<string, Record<keyof Texts, string[]>>();
  const classOf = columnKeys(shape);
  for (const side of ['base', 'ours', 'theirs'] as const) {
    for (const text of texts[side]) {
      const key = classOf(JSON.parse(text) as WireRow);
      const group = groups.get(key) ?? {base: [], ours: [], theirs: []};
      groups.set(key, group);
      group[side].push(text);
    }
  }
  const by = shape.columns.map(({name}) => rules.columns.get(name) ?? rules.cells);
  const asksBase = rules.rows === 'merge' || by.includes('merge');
  const shared = (text: string): string =>
    JSON.stringify(
      (JSON.parse(text) as WireRow).filter(
        (_, at) => !rules.columns.has(shape.columns[at]?.name ?? ''),
      ),
    );
  const outcomes: Outcome[] = [];
  let statements = 0;
  for (const {base, ours, theirs} of groups.values()) {
    const triples = tell(shared, {base: asksBase ? base : [], ours, theirs});
    const decided = triples.map((triple) => decide(shape, rules, triple));
    outcomes.push(...decided);
    statements += fewest(
      ours,
      decided.flatMap(({row}) => row ?? []),
    );
  }
  return {outcomes, statements};
}

/** Rows are told from the base; what neither side has from it was added, and is told from the other's additions. */
function tell(shared: Shared, {base, ours, theirs}: Texts): readonly Triple[] {
  const here = match(shared, base, ours);
  const there = match(shared, base, theirs);
  const added = match(shared, here.unmatched, there.unmatched);
  return [
    ...inOrder(base).map((was, at): Triple => [was, here.to[at] ?? null, there.to[at] ?? null]),
    ...here.unmatched.map((our, at): Triple => [null, our, added.to[at] ?? null]),
    ...added.unmatched.map((their): Triple => [null, null, their]),
  ];
}

/** What a text says but for the columns of one side. */
type Shared = (text: string) => string;

/** Equal texts first, then those that differ in columns of one side alone, the rest in the order of their text. */
function match(
  shared: Shared,
  from: readonly string[],
  to: readonly string[],
): {readonly to: readonly (string | undefined)[]; readonly unmatched: readonly string[]} {
  const left = inOrder(to);
  const take = (at: number): string | undefined => (at < 0 ? undefined : left.splice(at, 1)[0]);
  const rows = inOrder(from);
  const equal = rows.map((text) => take(left.indexOf(text)));
  const like = rows.map(
    (text, n) => equal[n] ?? take(left.findIndex((other) => shared(other) === shared(text))),
  );
  return {to: like.map((found) => found ?? left.shift()), unmatched: left};
}

function inOrder(texts: readonly string[]): string[] {
  return [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function decide(shape: TableShape, rules: MergeRules, [base, ours, theirs]: Triple): Outcome {
  const winner: Side = rules.divergent === 'theirs' ? 'theirs' : 'ours';
  const clash = (kind: string, row: string | null, columns: readonly string[] = []): Outcome => ({
    base,
    ours,
    theirs,
    row,
    kind,
    columns,
    taken: winner,
    isOpen: rules.divergent === 'fail',
  });
  const calm = (row: string | null): Outcome => ({
    base,
    ours,
    theirs,
    row,
    kind: undefined,
    columns: [],
    taken: undefined,
    isOpen: false,
  });
  const merged = shape.columns.flatMap(({name}, at) =>
    (rules.columns.get(name) ?? rules.cells) === 'merge' ? [{name, at}] : [],
  );
  const cell = (row: string | null, at: number): string =>
    JSON.stringify((JSON.parse(row ?? '[]') as unknown[])[at]);
  const changed = (row: string | null): boolean =>
    merged.some(({at}) => cell(row, at) !== cell(base, at));

  if (ours === null || theirs === null) {
    if (rules.rows === 'ours') return calm(ours);
    if (rules.rows === 'theirs') return calm(theirs);
    if (base === null) return calm(ours ?? theirs);
    if (ours === null && theirs === null) return calm(null);
    if (!changed(ours ?? theirs)) return calm(null);
    return clash(ours === null ? 'deletedHere' : 'editedHere', winner === 'ours' ? ours : theirs);
  }

  const unlike = merged.filter(({at}) => cell(ours, at) !== cell(theirs, at));
  const apart = unlike.filter(
    ({at}) =>
      base === null || (cell(ours, at) !== cell(base, at) && cell(theirs, at) !== cell(base, at)),
  );
  const isWhole = rules.grain === 'row' && (base === null || (changed(ours) && changed(theirs)));
  const disputed = isWhole ? unlike : apart;
  const cells = shape.columns.map(({name}, at) => {
    const rule = rules.columns.get(name) ?? rules.cells;
    if (rule === 'ours') return cell(ours, at);
    if (rule === 'theirs') return cell(theirs, at);
    if (disputed.some((one) => one.at === at))
      return winner === 'ours' ? cell(ours, at) : cell(theirs, at);
    if (cell(ours, at) === cell(theirs, at)) return cell(ours, at);
    return cell(ours, at) === cell(base, at) ? cell(theirs, at) : cell(ours, at);
  });
  const row = `[${cells.join(',')}]`;
  if (disputed.length === 0) return calm(row);
  return clash(
    base === null ? 'bothInserted' : 'bothEdited',
    row,
    disputed.map(({name}) => name),
  );
}

/** An update takes the place of one row that goes and one that comes. */
function fewest(before: readonly string[], after: readonly string[]): number {
  const going = [...before];
  const coming = after.filter((text) => {
    const at = going.indexOf(text);
    if (at >= 0) going.splice(at, 1);
    return at < 0;
  });
  return Math.max(going.length, coming.length);
}
