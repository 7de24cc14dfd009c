/** A table on its way through the operations of compat steps: its columns now, and what has been done to its rows. */
import type {Cell} from '../kernel/row.ts';
import {EngineError} from '../kernel/errors.ts';
import {affinityOf, type Affinity} from '../schema/affinity.ts';
import {compileCondition} from './condition.ts';
import type {Located} from './direction.ts';
import {upgradeFirst} from './errors.ts';
import {compileExpression, type Calculate} from './expression.ts';
import type {Expression, Literal, Operation, Where} from './step.ts';
import {cellOf, stored} from './values.ts';

export type LiftColumn = {
  readonly name: string;
  /** As declared, upper case. */
  readonly declared: string;
  readonly notNull: boolean;
};

/** A table as one side knows it. */
export type SourceTable = {
  readonly name: string;
  /** Those that travel, in the order of the cells of a row. */
  readonly columns: readonly LiftColumn[];
  /** Names of the others. */
  readonly omitted: readonly string[];
  readonly key: readonly string[];
};

/** Changes the cells of a row in place. False where the row goes. */
type Edit = (cells: Cell[], idle: Set<string> | undefined) => boolean;

/** A table as the steps leave it. */
export type LiftedTable = SourceTable & {
  /** What it is called where its rows come from. */
  readonly source: string;
  /** Columns that the other side does not have: a row that is there already keeps what it has in them. */
  readonly own: readonly string[];
  /** Names of columns that come with the rows, by what they are called there. */
  readonly names: ReadonlyMap<string, string>;
  /** A step is about this table: it may be declared otherwise than before. */
  readonly touched: boolean;
  /** Tables, by `source`, whose rows have to be lifted before these. */
  readonly needs: readonly string[];
  /**
   * The row as the steps leave it, its cells in the order of `columns`; undefined where it goes.
   *
   * @param idle Gets the columns, by their names where the row comes from, whose value means nothing in this row.
   * @throws {EngineError} `UPGRADE_FIRST` for a row to lower that the release before does not understand.
   */
  readonly lift: (cells: readonly Cell[], idle?: Set<string>) => readonly Cell[] | undefined;
};

type Editing = Exclude<Operation, {op: 'addTable' | 'dropTable' | 'renameTable' | 'deleteRows'}>;

export class TableDraft {
  name: string;
  readonly source: string;
  readonly columns: LiftColumn[];
  readonly edits: Edit[] = [];
  readonly needs: Set<string> = new Set();
  touched = false;
  at: Located | undefined;
  #omitted: string[];
  #key: string[];
  readonly #own = new Set<string>();
  /** What a column is called where the rows come from. */
  readonly #origins: Map<string, string>;

  constructor({name, columns, omitted, key}: SourceTable) {
    this.name = name;
    this.source = name;
    this.columns = [...columns];
    this.#omitted = [...omitted];
    this.#key = [...key];
    this.#origins = new Map(columns.map((column) => [column.name, column.name]));
  }

  indexOf(column: string): number {
    const at = this.columns.findIndex(({name}) => name === column);
    if (at === -1)
      throw misfit(this.at, `table "${this.name}" has no column "${column}"`, this.name);
    return at;
  }

  compileWhere(where: Where = {}): (cells: readonly Cell[]) => boolean {
    const tests = Object.entries(where).map(([column, condition]) => {
      const at = this.indexOf(column);
      return {at, holds: compileCondition(condition, this.#affinity(at))};
    });
    return (cells) => tests.every(({at, holds}) => holds(cells[at] ?? null));
  }

  refuse(where: Where | undefined): void {
    const holds = this.compileWhere(where);
    const {at, name} = this;
    this.edits.push((cells) => {
      if (holds(cells)) throw refused(at, name);
      return true;
    });
  }

  edit(operation: Editing): void {
    switch (operation.op) {
      case 'changeTable':
        return;
      case 'addColumn':
        return this.#add(operation);
      case 'renameColumn':
        return this.#rename(operation);
      default:
        if (this.#omitted.includes(operation.column)) return this.#editOmitted(operation);
        return this.#editColumn(operation);
    }
  }

  finished(): LiftedTable {
    const {name, source, columns, edits} = this;
    const own = columns.map((column) => column.name).filter((column) => this.#own.has(column));
    const names = new Map(
      columns
        .filter((column) => !this.#own.has(column.name))
        .map((column) => [this.#origins.get(column.name) ?? column.name, column.name]),
    );
    const lift: LiftedTable['lift'] = (given, idle) => {
      const cells = [...given];
      return edits.every((edit) => edit(cells, idle)) ? cells : undefined;
    };
    const rest = {omitted: this.#omitted, key: this.#key, touched: this.touched};
    return {name, source, columns, own, names, needs: [...this.needs], lift, ...rest};
  }

  #affinity(at: number): Affinity {
    return affinityOf(this.columns[at]?.declared ?? '');
  }

  #add({column, type, notNull = false, value = null}: Extract<Editing, {op: 'addColumn'}>): void {
    this.#refuseTwice(column);
    const give = this.#giver({value, affinity: affinityOf(type), column});
    this.columns.push({name: column, declared: type.toUpperCase(), notNull});
    this.#own.add(column);
    this.edits.push((cells) => cells.push(give(cells)) > 0);
  }

  #rename({from, to}: Extract<Editing, {op: 'renameColumn'}>): void {
    this.#refuseTwice(to);
    const renamed = (name: string): string => (name === from ? to : name);
    if (this.#omitted.includes(from)) {
      this.#omitted = this.#omitted.map(renamed);
      return;
    }
    const at = this.indexOf(from);
    this.columns.splice(at, 1, {...this.#column(at), name: to});
    this.#key = this.#key.map(renamed);
    if (this.#own.delete(from)) this.#own.add(to);
    this.#origins.set(to, this.#origins.get(from) ?? to);
  }

  /** Nothing of it travels; but whether it is there counts. */
  #editOmitted({op, column}: {readonly op: string; readonly column: string}): void {
    if (op === 'dropColumn') this.#omitted = this.#omitted.filter((name) => name !== column);
  }

  #editColumn(
    operation: Extract<Editing, {op: 'dropColumn' | 'changeColumn' | 'mapValues' | 'setColumn'}>,
  ): void {
    const {column} = operation;
    const at = this.indexOf(column);
    if (this.#key.includes(column))
      throw misfit(
        this.at,
        `"${this.name}.${column}" identifies rows, and stays as it is`,
        this.name,
      );
    switch (operation.op) {
      case 'dropColumn':
        return this.#drop(at, operation);
      case 'changeColumn':
        return this.#change(at, operation);
      case 'mapValues': {
        const holds = this.compileWhere(operation.where);
        const map = this.#compileMap(operation.map, at);
        this.#replace(at, (cells) => (holds(cells) ? map(cells[at] ?? null) : undefined));
        return;
      }
      case 'setColumn': {
        const holds = this.compileWhere(operation.where);
        const give = this.#giver({value: operation.value, affinity: this.#affinity(at), column});
        this.#replace(at, (cells) => (holds(cells) ? give(cells) : undefined));
      }
    }
  }

  #drop(at: number, {column, idle = []}: Extract<Editing, {op: 'dropColumn'}>): void {
    const meaningless = idle.map((where) => this.compileWhere(where));
    const origin = this.#origins.get(column) ?? column;
    this.columns.splice(at, 1);
    this.#own.delete(column);
    this.edits.push((cells, found) => {
      if (meaningless.some((holds) => holds(cells))) found?.add(origin);
      return cells.splice(at, 1).length > 0;
    });
  }

  #change(
    at: number,
    {type, notNull = false, column}: Extract<Editing, {op: 'changeColumn'}>,
  ): void {
    const affinity = affinityOf(type);
    const isSameStore = affinity === this.#affinity(at);
    this.columns.splice(at, 1, {name: column, declared: type.toUpperCase(), notNull});
    if (isSameStore) return;
    const keep = this.#storing(affinity, column);
    this.#replace(at, (cells) => keep(cells[at] ?? null));
  }

  #compileMap(
    map: Readonly<Record<string, Literal>>,
    at: number,
  ): (cell: Cell) => Cell | undefined {
    const affinity = this.#affinity(at);
    const known = new Map(
      Object.entries(map).map(([from, to]) => [from, stored(affinity, cellOf(to)) ?? null]),
    );
    return (cell) => (typeof cell === 'string' ? known.get(cell) : undefined);
  }

  /** What goes into a column, as it stores it. */
  #giver({
    value,
    affinity,
    column,
  }: {
    readonly value: Expression;
    readonly affinity: Affinity;
    readonly column: string;
  }): Calculate {
    const calculate = compileExpression(value, (name) => this.indexOf(name));
    const keep = this.#storing(affinity, column);
    return (cells) => keep(calculate(cells));
  }

  #storing(affinity: Affinity, column: string): (cell: Cell) => Cell {
    const {at, name} = this;
    return (cell) => {
      const kept = stored(affinity, cell);
      if (kept === undefined)
        throw misfit(
          at,
          `"${name}.${column}" is a text, and would get a number with a fraction`,
          name,
        );
      return kept;
    };
  }

  #replace(at: number, give: (cells: readonly Cell[]) => Cell | undefined): void {
    this.edits.push((cells) => {
      const cell = give(cells);
      if (cell !== undefined) cells[at] = cell;
      return true;
    });
  }

  #refuseTwice(column: string): void {
    const known = this.#omitted.includes(column) || this.columns.some(({name}) => name === column);
    if (known)
      throw misfit(this.at, `table "${this.name}" has a column "${column}" already`, this.name);
  }

  #column(at: number): LiftColumn {
    return this.columns[at] ?? {name: '', declared: '', notNull: false};
  }
}

function refused(at: Located | undefined, table: string): EngineError {
  const where = at === undefined ? '' : ` (${at.step.file}:${at.line})`;
  const before = at?.step.migrations.join(', ') ?? '';
  return upgradeFirst(`it means nothing to a release before ${before}${where}`, table);
}

export function misfit(at: Located | undefined, why: string, table?: string): EngineError {
  const where = at === undefined ? '' : `${at.step.file}:${at.line}: `;
  return new EngineError('SCHEMA_MISMATCH', `${where}${at?.operation.op ?? 'the step'}: ${why}`, {
    site: {table},
    hint: 'The step was written for another schema: correct it, or bring the application to the same version on both instances.',
  });
}
