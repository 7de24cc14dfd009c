/** What pairs of rows, before and after a release, tell of a column: where its values come from. */
import {encodeRow, rowText} from '../canonical/row.ts';
import type {Cell} from '../kernel/row.ts';
import {DRAFT_CASES_MAX} from '../kernel/limits.ts';
import {affinityOf} from '../schema/affinity.ts';
import type {Expression, Literal} from './step.ts';
import {calculated, cellOf, stored} from './values.ts';

/** A column as the newer database declares it. */
export type NewColumn = {
  readonly name: string;
  readonly declared: string;
  readonly notNull: boolean;
  /** Default expression as declared. */
  readonly default: string | undefined;
};

/** What a draft says of values, or what a person has to find out. */
export type Finding<T> =
  {readonly said: T; readonly note?: string | undefined} | {readonly open: string};

export function isIdentical(a: Cell, b: Cell): boolean {
  return cellText(a) === cellText(b);
}

const cellText = (cell: Cell): string => rowText(encodeRow([cell]));

/** What a column of this declaration keeps of a value; what it would not keep whole stays as it is. */
export function keptAs({declared}: Pick<NewColumn, 'declared'>, cell: Cell): Cell {
  const kept = stored(affinityOf(declared), cell);
  return kept === undefined ? cell : kept;
}

/** A draft shows no texts of rows, which may be secrets; but those that the schema names itself. */
function sayable(column: NewColumn, cell: Cell): {readonly literal: Literal} | undefined {
  const literal = literalOf(column, cell);
  if (literal === undefined) return undefined;
  return isIdentical(keptAs(column, cellOf(literal)), cell) ? {literal} : undefined;
}

function literalOf({default: declared}: NewColumn, cell: Cell): Literal | undefined {
  if (cell === null) return null;
  if (typeof cell === 'bigint') return Number(cell);
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : undefined;
  return typeof cell === 'string' && cell === defaultText(declared) ? cell : undefined;
}

/** The text that a declared default is, where it is one. */
function defaultText(declared: string | undefined): string | undefined {
  const quoted = /^\(*'((?:[^']|'')*)'\)*$/.exec(declared ?? '')?.[1];
  return quoted?.replaceAll("''", "'");
}

/** The value of a declared default that is a number, a text or NULL. */
export function defaultLiteral(
  declared: string | undefined,
): {readonly literal: Literal} | undefined {
  const text = defaultText(declared);
  if (text !== undefined) return {literal: text};
  const bare = (declared ?? 'NULL').replaceAll(/^\(+|\)+$/g, '');
  if (/^null$/i.test(bare)) return {literal: null};
  if (/^(?:true|false)$/i.test(bare)) return {literal: /^true$/i.test(bare)};
  return /^[+-]?\d+(?:\.\d+)?$/.test(bare) ? {literal: Number(bare)} : undefined;
}

type Candidate = {readonly at: number; times: number | undefined; fits: boolean};

/** Where the values of a column come from that only the newer database has. */
export class AddedValues {
  readonly #column: NewColumn;
  readonly #others: readonly string[];
  readonly #copies: readonly Candidate[];
  readonly #products: readonly Candidate[];
  readonly #values = new Map<string, Cell>();
  #rows = 0;

  /** @param others Columns of the older rows, in the order of their cells. */
  constructor(column: NewColumn, others: readonly string[]) {
    this.#column = column;
    this.#others = others;
    const all = (): Candidate[] => others.map((_, at) => ({at, times: undefined, fits: true}));
    this.#copies = all();
    this.#products = all();
  }

  see(before: readonly Cell[], after: Cell): void {
    this.#rows++;
    if (this.#values.size < 2) this.#values.set(cellText(after), after);
    for (const one of this.#copies)
      one.fits &&= isIdentical(keptAs(this.#column, before[one.at] ?? null), after);
    for (const one of this.#products)
      one.fits &&= this.#isProduct(one, before[one.at] ?? null, after);
  }

  finding(): Finding<Expression> {
    const [only, second] = this.#values.values();
    if (only === undefined) return this.#withoutRows();
    if (second === undefined) return this.#constant(only);
    const copy = this.#fitting(this.#copies, ({at}) => ({column: this.#name(at)}));
    if (copy !== undefined) return copy;
    const product = this.#fitting(
      this.#products.filter(({times}) => times !== undefined),
      ({at, times}) => ({column: this.#name(at), times}),
    );
    return product ?? {open: `its value in ${this.#rows} rows follows from no single column`};
  }

  #name(at: number): string {
    return this.#others[at] ?? '';
  }

  #withoutRows(): Finding<Expression> {
    const found = defaultLiteral(this.#column.default);
    const note = 'there are no rows to learn from: this is the declared default';
    return found === undefined
      ? {open: 'there are no rows to learn from, and its default is no plain value'}
      : {said: found.literal, note};
  }

  #constant(cell: Cell): Finding<Expression> {
    const found = sayable(this.#column, cell);
    if (found !== undefined) return {said: found.literal};
    return {open: `all ${this.#rows} rows hold the same value, which is not written here`};
  }

  #fitting(
    candidates: readonly Candidate[],
    say: (candidate: Candidate) => Expression,
  ): Finding<Expression> | undefined {
    const [first, ...others] = candidates.filter(({fits}) => fits);
    if (first === undefined) return undefined;
    const names = others.map(({at}) => this.#name(at)).join(', ');
    return {said: say(first), note: names === '' ? undefined : `these fit as well: ${names}`};
  }

  /** The factor is that of the first row which tells one. */
  #isProduct(one: Candidate, before: Cell, after: Cell): boolean {
    one.times ??= factor(before, after);
    const product = one.times === undefined ? before : calculated(before, one.times, undefined);
    return isIdentical(keptAs(this.#column, product), after);
  }
}

const FACTOR_DIGITS = 12;

function factor(before: Cell, after: Cell): number | undefined {
  const isNumber = (cell: Cell): boolean => typeof cell === 'number' || typeof cell === 'bigint';
  if (!isNumber(before) || !isNumber(after) || Number(before) === 0) return undefined;
  const times = Number(after) / Number(before);
  return Number.isFinite(times) ? Number(times.toPrecision(FACTOR_DIGITS)) : undefined;
}

/** One way in which values changed. */
export type Setting = {
  readonly value: Literal;
  readonly from: {readonly literal: Literal} | undefined;
};

/** What became of the values of a column that both databases have. */
export class ChangedValues {
  readonly #column: NewColumn;
  /** By the older value; undefined where there are too many, or rows with one value went several ways. */
  #cases: Map<string, {readonly before: Cell; readonly after: Cell}> | undefined = new Map();
  #after: {readonly cell: Cell; readonly isOnly: boolean} | undefined;
  #rows = 0;
  #changed = 0;

  constructor(column: NewColumn) {
    this.#column = column;
  }

  /** @param before As the newer column stores it. */
  see(before: Cell, after: Cell): void {
    this.#rows++;
    if (!isIdentical(before, after)) this.#changed++;
    const isOnly =
      this.#after === undefined || (this.#after.isOnly && isIdentical(this.#after.cell, after));
    this.#after = {cell: after, isOnly};
    const known = this.#cases?.get(cellText(before));
    if (known === undefined) this.#cases?.set(cellText(before), {before, after});
    else if (!isIdentical(known.after, after)) this.#cases = undefined;
    if ((this.#cases?.size ?? 0) > DRAFT_CASES_MAX) this.#cases = undefined;
  }

  /** Undefined where no row changed. */
  finding(): Finding<readonly Setting[]> | undefined {
    if (this.#changed === 0) return undefined;
    const only = this.#after?.isOnly === true ? sayable(this.#column, this.#after.cell) : undefined;
    if (only !== undefined) return {said: [{value: only.literal, from: undefined}]};
    const cases = [...(this.#cases?.values() ?? [])].filter(
      ({before, after}) => !isIdentical(before, after),
    );
    const open = `${this.#changed} of ${this.#rows} rows hold another value than before`;
    if (cases.length === 0) return {open};
    const settings = cases.flatMap(({before, after}): readonly Setting[] => {
      const [from, to] = [sayable(this.#column, before), sayable(this.#column, after)];
      return from === undefined || to === undefined ? [] : [{value: to.literal, from}];
    });
    const isChain = cases.some(({after}) => cases.some(({before}) => isIdentical(before, after)));
    if (settings.length === cases.length && !isChain) return {said: settings};
    return {open: `${open}; the new one follows from the old one, in ${cases.length} cases`};
  }
}
