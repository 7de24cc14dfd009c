/** One table before and after a release → the part of a drafted step that is about it. */
import {encodeRow, rowText} from '../canonical/row.ts';
import type {Cell} from '../kernel/row.ts';
import type {DraftPart} from './draft-text.ts';
import {
  AddedValues,
  ChangedValues,
  defaultLiteral,
  isIdentical,
  keptAs,
  type Finding,
  type NewColumn,
} from './evidence.ts';
import type {LiftColumn, SourceTable} from './table-draft.ts';

/** A table of the newer database. */
export type NewTable = {
  readonly name: string;
  /** Those that travel, in the order of the cells of a row. */
  readonly columns: readonly NewColumn[];
  /** The others that are not computed. */
  readonly omitted: readonly NewColumn[];
  /** Names of those that are computed. */
  readonly generated: readonly string[];
};

type Placed<T> = T & {readonly at: number};
type Both = {readonly before: Placed<LiftColumn>; readonly after: Placed<NewColumn>};

/** Learns from pairs of rows, then says what the release did. */
export class TableComparison {
  readonly #before: SourceTable;
  readonly #after: NewTable;
  readonly #both: readonly Both[];
  readonly #added: readonly (Placed<NewColumn> & {readonly values: AddedValues})[];
  readonly #dropped: readonly Placed<LiftColumn>[];
  readonly #changed: readonly (Both & {readonly values: ChangedValues})[];
  /** A dropped and an added column that are declared the same, and whether they are in all rows so far. */
  readonly #renames: {
    readonly from: Placed<LiftColumn>;
    readonly to: Placed<NewColumn>;
    fits: boolean;
    values: Set<string>;
  }[];

  constructor(before: SourceTable, after: NewTable) {
    this.#before = before;
    this.#after = after;
    const olds = before.columns.map((column, at) => ({...column, at}));
    const news = after.columns.map((column, at) => ({...column, at}));
    const names = new Set([...before.columns.map(({name}) => name), ...before.omitted]);
    const kept = new Set([...after.columns, ...after.omitted].map(({name}) => name));
    this.#both = olds.flatMap((old) => {
      const now = news.find(({name}) => name === old.name);
      return now === undefined ? [] : [{before: old, after: now}];
    });
    const others = before.columns.map(({name}) => name);
    this.#added = news
      .filter(({name}) => !names.has(name))
      .map((column) => ({...column, values: new AddedValues(column, others)}));
    this.#dropped = olds.filter(({name}) => !kept.has(name));
    this.#changed = this.#both
      .filter(({before: {name}}) => !before.key.includes(name))
      .map((both) => ({...both, values: new ChangedValues(both.after)}));
    this.#renames = this.#dropped.flatMap((from) =>
      this.#added
        .filter((to) => to.declared === from.declared && to.notNull === from.notNull)
        .map((to) => ({from, to, fits: true, values: new Set<string>()})),
    );
  }

  /** What two rows of one key have to share to belong together, where several have that key. */
  alike(): {
    readonly before: (row: readonly Cell[]) => string;
    readonly after: (row: readonly Cell[]) => string;
  } {
    const text = (row: readonly Cell[], places: readonly number[]): string =>
      rowText(encodeRow(places.map((at) => row[at] ?? null)));
    const [olds, news] = [
      this.#both.map(({before}) => before.at),
      this.#both.map(({after}) => after.at),
    ];
    return {before: (row) => text(row, olds), after: (row) => text(row, news)};
  }

  see(before: readonly Cell[], after: readonly Cell[]): void {
    for (const {at, values} of this.#added) values.see(before, after[at] ?? null);
    for (const {before: old, after: now, values} of this.#changed)
      values.see(keptAs(now, before[old.at] ?? null), after[now.at] ?? null);
    for (const rename of this.#renames) {
      const cell = after[rename.to.at] ?? null;
      rename.fits &&= isIdentical(before[rename.from.at] ?? null, cell);
      if (rename.values.size < 2) rename.values.add(rowText(encodeRow([cell])));
    }
  }

  /** New columns first, as their values are calculated from old ones; renamed and dropped ones last. */
  parts(): readonly DraftPart[] {
    const renames = this.#guessed();
    const gone = new Set(renames.map(({from}) => from.name));
    const made = new Set(renames.map(({to}) => to.name));
    return [
      ...this.#added.filter(({name}) => !made.has(name)).map((column) => this.#add(column)),
      ...this.#redeclared(),
      ...this.#changed.flatMap((column) => this.#set(column)),
      ...renames.map(({from, to}) => this.#rename(from.name, to.name)),
      ...this.#dropped.filter(({name}) => !gone.has(name)).map((column) => this.#drop(column)),
      ...this.#local(),
      ...this.#moved(),
    ];
  }

  /** Only where nothing else fits, and the values tell: a column of equal values may be any. */
  #guessed(): readonly {readonly from: LiftColumn; readonly to: NewColumn}[] {
    const fitting = this.#renames.filter(({fits, values}) => fits && values.size > 1);
    return fitting.filter(
      ({from, to}) => fitting.filter((one) => one.from === from || one.to === to).length === 1,
    );
  }

  #add({values, ...column}: NewColumn & {readonly values: AddedValues}): DraftPart {
    const {name, declared, notNull} = column;
    const {value, ...said} = saidOf(values.finding());
    return {
      operation: {
        op: 'addColumn',
        table: this.#after.name,
        column: name,
        type: declared,
        notNull: notNull || undefined,
        value: value ?? undefined,
      },
      ...prefixed(`${this.#after.name}.${name}`, said),
    };
  }

  #redeclared(): readonly DraftPart[] {
    const other = this.#both.filter(
      ({before, after}) => before.declared !== after.declared || before.notNull !== after.notNull,
    );
    return other.map(({before, after}) => ({
      operation: {
        op: 'changeColumn',
        table: this.#after.name,
        column: after.name,
        type: after.declared,
        notNull: after.notNull || undefined,
        was: {type: before.declared, notNull: before.notNull || undefined},
      },
    }));
  }

  #set({after, values}: Both & {readonly values: ChangedValues}): readonly DraftPart[] {
    const found = values.finding();
    if (found === undefined) return [];
    const {name: column} = after;
    const table = this.#after.name;
    if ('open' in found)
      return [{open: [`${table}.${column}: ${found.open}: setColumn or mapValues`]}];
    return found.said.map(({value, from}) => ({
      operation: {
        op: 'setColumn',
        table,
        column,
        value,
        where: from === undefined ? undefined : {[column]: from.literal},
      },
    }));
  }

  #rename(from: string, to: string): DraftPart {
    return {
      operation: {op: 'renameColumn', table: this.#after.name, from, to},
      notes: ['a guess: both are declared the same, and equal in all rows'],
    };
  }

  /** What it was is known only as far as it is declared. */
  #drop({name, declared, notNull}: LiftColumn): DraftPart {
    const restore = {type: declared, notNull: notNull || undefined};
    const needs = `${this.#after.name}.${name}: to lower rows, say what it is again: restore: {type: ${JSON.stringify(declared)}, notNull: true, value: …}`;
    return {
      operation: {
        op: 'dropColumn',
        table: this.#after.name,
        column: name,
        restore: notNull ? undefined : restore,
      },
      notes: notNull ? [needs] : [],
    };
  }

  /** Columns that do not travel: that they are there counts, not what they hold. */
  #local(): readonly DraftPart[] {
    const {columns, omitted, name: table} = this.#after;
    const before = new Set([
      ...this.#before.columns.map(({name}) => name),
      ...this.#before.omitted,
    ]);
    const after = new Set([...columns, ...omitted].map(({name}) => name));
    const added = omitted.filter(({name}) => !before.has(name));
    const gone = this.#before.omitted.filter(
      (name) => !after.has(name) && !this.#after.generated.includes(name),
    );
    return [
      ...added.map(({name: column, declared, notNull, default: value}) => ({
        operation: {
          op: 'addColumn' as const,
          table,
          column,
          type: declared,
          notNull: notNull || undefined,
          value: notNull ? defaultLiteral(value)?.literal : undefined,
        },
        notes: ['it does not travel'],
      })),
      ...gone.map((column) => ({
        operation: {op: 'dropColumn' as const, table, column},
        notes: ['it did not travel'],
      })),
    ];
  }

  #moved(): readonly DraftPart[] {
    const {omitted, columns, generated, name} = this.#after;
    const stays = this.#before.columns.filter((column) =>
      [...omitted.map((one) => one.name), ...generated].includes(column.name),
    );
    const goes = columns.filter((column) => this.#before.omitted.includes(column.name));
    return [...stays, ...goes].map((column) => ({
      open: [
        `${name}.${column.name}: it travels on one side only, for which there is no operation`,
      ],
    }));
  }
}

function saidOf<T>(finding: Finding<T>): {
  readonly value: T | undefined;
  readonly notes: readonly string[];
  readonly open: readonly string[];
} {
  if ('open' in finding) return {value: undefined, notes: [], open: [finding.open]};
  return {value: finding.said, notes: finding.note === undefined ? [] : [finding.note], open: []};
}

function prefixed(
  name: string,
  {notes, open}: Pick<Required<DraftPart>, 'notes' | 'open'>,
): Pick<DraftPart, 'notes' | 'open'> {
  return {notes: notes ?? [], open: (open ?? []).map((text) => `${name}: ${text}`)};
}
