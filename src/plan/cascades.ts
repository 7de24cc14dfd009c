/**
 * What the application's own declared actions (ON DELETE, ON UPDATE) do to tables that are not
 * replicated, spelled out as statements of the plan. Pure: the caller counts rows and asks on.
 */
import {must} from '../kernel/assert.ts';
import {counted} from '../kernel/counted.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Cell} from '../kernel/row.ts';
import type {ReferenceDefault, RowSet, SetStatement} from '../kernel/statement.ts';
import type {ForeignKey, ForeignKeyAction} from '../schema/table-schema.ts';
import type {LostKey} from './lost-keys.ts';
import {encodeReference, referringColumns, referringRows, type Tables} from './references.ts';

/** Rows that lose what they refer to by one foreign key, and what becomes of them. */
export type Following = {
  readonly key: ForeignKey;
  readonly among: RowSet;
  readonly action: ForeignKeyAction;
  /** What the columns get, for each tuple of `among`; undefined where the rows are deleted, or cannot follow. */
  readonly cells: readonly (readonly Cell[])[] | undefined;
  /** The same as the columns referred to take them, which may convert them. */
  readonly arrivals: readonly (readonly Cell[])[] | undefined;
  /** Why the rows cannot follow. It does not matter where all of them are deleted by another reference. */
  readonly objection: string | undefined;
  /** Written after the rows that it follows. */
  readonly follows: boolean;
  /** Another row takes over one of the values, so that afterwards nobody can tell who referred to it before. */
  readonly retaken: boolean;
};

/** Cells that an insert puts where a foreign key's columns are left out. */
export type DefaultsOf = (key: ForeignKey) => ReferenceDefault;

/** One lost value, what is declared for it, and what those who refer to it get instead. */
type Move = {
  readonly item: LostKey;
  readonly action: ForeignKeyAction;
  readonly to: readonly Cell[] | undefined;
  /** The same as the columns referred to take it. */
  readonly arrival: readonly Cell[] | undefined;
};

/**
 * The rows that follow lost keys, in sets that fit a statement. Where the action leaves them as they are,
 * values that another row takes over are not lost.
 */
export function followers(
  schema: Tables,
  lost: readonly LostKey[],
  defaultsOf: DefaultsOf,
): readonly Following[] {
  return [...Map.groupBy(lost, (item) => item.key)].flatMap(([key, items]) => {
    const moves = items
      .map((item) => moveOf(key, item, defaultsOf))
      .filter(({item, action}) => action !== 'NO ACTION' || !item.retaken);
    const moved = moves.filter(({to}) => to !== undefined);
    if (!mayMeet(schema, key, moved)) return inSets(schema, key, moves);
    const others = moves.filter(({to}) => to === undefined);
    const ordered = inRemapOrder(schema, key, moved);
    return [
      ...inSets(schema, key, others),
      ...ordered.map((group) => remapped(schema, key, group)),
    ];
  });
}

function moveOf(key: ForeignKey, item: LostKey, defaultsOf: DefaultsOf): Move {
  const action = item.replacement === undefined ? key.onDelete : key.onUpdate;
  switch (action) {
    case 'CASCADE':
      return {item, action, to: item.replacement, arrival: item.replacement};
    case 'SET NULL': {
      const nulls = key.columns.map(() => null);
      return {item, action, to: nulls, arrival: nulls};
    }
    case 'SET DEFAULT': {
      const {cells, arrival} = defaultsOf(key);
      return {item, action, to: cells, arrival};
    }
    case 'NO ACTION':
    case 'RESTRICT':
      return {item, action, to: undefined, arrival: undefined};
  }
}

/** True where rows come to a value that others are about to leave: the order matters then. */
function mayMeet(schema: Tables, key: ForeignKey, moves: readonly Move[]): boolean {
  const left = new Set(moves.map(({item}) => encodeReference(schema, key, item.values)));
  return moves.some(({arrival = []}) => left.has(encodeReference(schema, key, arrival)));
}

/** One set for each action, but that each new value of a row referred to needs a statement of its own. */
function inSets(schema: Tables, key: ForeignKey, moves: readonly Move[]): readonly Following[] {
  const groups = Map.groupBy(moves, ({item, action}) =>
    JSON.stringify([action, item.replacement !== undefined]),
  );
  return [...groups.values()].flatMap((group) =>
    group[0]?.action === 'CASCADE' && group[0].to !== undefined
      ? group.map((move) => ({...remapped(schema, key, [move]), follows: true}))
      : alike(schema, key, group),
  );
}

function alike(schema: Tables, key: ForeignKey, moves: readonly Move[]): readonly Following[] {
  const [first] = moves;
  if (first === undefined) return [];
  const {action, to, arrival} = first;
  return referringRows(
    schema,
    key,
    moves.map(({item}) => item.values),
  ).map((among) => ({
    key,
    among,
    action,
    cells: to === undefined ? undefined : [to],
    arrivals: arrival === undefined ? undefined : [arrival],
    objection: objectionTo(schema, key, action),
    follows: false,
    retaken: moves.some(({item}) => item.retaken),
  }));
}

function remapped(schema: Tables, key: ForeignKey, group: readonly Move[]): Following {
  const columns = referringColumns(schema, key);
  const objections = group.map(({action}) => objectionTo(schema, key, action));
  return {
    key,
    among: {table: key.table, columns, values: group.map(({item}) => item.values)},
    action: group.find(({action}) => action === 'SET DEFAULT')?.action ?? 'CASCADE',
    cells: group.map(({to}) => must(to, 'only those that move are ordered')),
    arrivals: group.map(({arrival}) => must(arrival, 'only those that move are ordered')),
    objection: objections.find((why) => why !== undefined),
    follows: true,
    retaken: group.some(({item}) => item.retaken),
  };
}

/**
 * Whoever holds a value moves on before others come to it. Values that are exchanged in a ring come as
 * one group, which one statement changes at once.
 */
function inRemapOrder(
  schema: Tables,
  key: ForeignKey,
  moves: readonly Move[],
): readonly (readonly Move[])[] {
  const encode = (values: readonly Cell[]): string => encodeReference(schema, key, values);
  const byValue = new Map(moves.map((move) => [encode(move.item.values), move]));
  const placed = new Set<Move>();
  const groups: (readonly Move[])[] = [];
  for (const start of moves) {
    const path: Move[] = [];
    const onPath = new Map<Move, number>();
    let move: Move | undefined = start;
    while (move !== undefined && !placed.has(move) && !onPath.has(move)) {
      onPath.set(move, path.push(move) - 1);
      move = byValue.get(encode(move.arrival ?? []));
    }
    const ring = move === undefined ? undefined : onPath.get(move);
    if (ring !== undefined) groups.push(path.slice(ring));
    for (const single of path.slice(0, ring).toReversed()) groups.push([single]);
    for (const each of path) placed.add(each);
  }
  return groups;
}

function objectionTo(
  schema: Tables,
  key: ForeignKey,
  action: ForeignKeyAction,
): string | undefined {
  if (action === 'NO ACTION' || action === 'RESTRICT') return action;
  const columns = schema.get(key.table)?.columns ?? [];
  const mandatory = columns.find(({name, notNull}) => notNull && key.columns.includes(name));
  return action === 'SET NULL' && mandatory !== undefined
    ? `SET NULL, and column "${mandatory.name}" is NOT NULL`
    : undefined;
}

/** The statement by which rows of a table that is not replicated follow; there is no objection to it. */
export function cascadeStatement({key, among, cells}: Following): SetStatement {
  if (cells === undefined) return {op: 'deleteSet', among};
  const {columns} = key;
  const [only] = cells;
  if (only !== undefined && cells.length === 1)
    return {op: 'updateSet', among, columns, cells: only};
  return {op: 'remapSet', among, columns, cells};
}

/** @param why The action that forbids it, or what stands in the way of the action. */
export function forbidden(key: ForeignKey, why: string, rows: number): EngineError {
  const columns = key.columns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot delete or re-key rows of table "${key.parent}": ${counted(rows, 'row')} of "${key.table}" refer to them by ${columns} (${why})`,
    {
      site: {table: key.table, column: columns},
      hint: `Table "${key.table}" is not replicated; change or delete those rows in the application first.`,
    },
  );
}
