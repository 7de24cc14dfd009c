/** Changes that nothing else depends on: they may be made in any order, and need not be known all at once. Pure. */
import type {RowChange} from '../kernel/row.ts';
import type {ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {referencesTo, type Tables} from './references.ts';

export type IsLone = (change: RowChange) => boolean;

/**
 * Tells of each change of a table whether it is one. No row waits for it to free a value or refers to what it takes away, and no value
 * that it takes has to be freed. That may only be asked of all changes of the table: with one that is none, others are none either.
 *
 * @returns Undefined for a table of which that cannot be told by single changes.
 */
export function loneChanges(schema: Tables, shape: TableShape): IsLone | undefined {
  const table = schema.get(shape.table);
  if (table === undefined || !isPlain(table, shape)) return undefined;
  const incoming = referencesTo(schema, table.name);
  const isDefault = incoming.some(
    ({onDelete, onUpdate}) => onDelete === 'SET DEFAULT' || onUpdate === 'SET DEFAULT',
  );
  if (isDefault || incoming.some((key) => isShared(schema, key))) return undefined; // rows elsewhere may come to refer to any of its rows
  if (isWrittenElsewhere(schema, table.name)) return undefined; // and would not be as planned once those are written
  const unique = table.uniques.flatMap(({columns}) => columns.map(({column}) => column));
  const referred = incoming.flatMap(({parentColumns}) => parentColumns);
  const watched = new Set([...shape.key.map(({name}) => name), ...unique, ...referred]);
  const places = [...watched].map((name) => shape.columns.findIndex((each) => each.name === name));
  if (places.includes(-1)) return undefined; // what it holds follows from other columns, or from nothing that is known here
  const mayGo = unique.length === 0 && incoming.length === 0;
  return (change) => {
    if (change.op !== 'update') return change.op === 'insert' || mayGo;
    const {before, after} = change;
    return places.every(
      (at) => JSON.stringify(before.cells[at]) === JSON.stringify(after.cells[at]),
    );
  };
}

/** True where a column that refers to it refers to something else, too, and may follow that. */
function isShared(schema: Tables, key: ForeignKey): boolean {
  const others = schema.get(key.table)?.foreignKeys.filter((other) => other !== key) ?? [];
  return others.some(({columns}) => columns.some((name) => key.columns.includes(name)));
}

/** True where triggers of other tables may write it. */
function isWrittenElsewhere(schema: Tables, name: string): boolean {
  const triggers = [...schema.values()].flatMap((table) => table.triggers);
  return triggers.some(({writes}) => writes === undefined || writes.includes(name));
}

/** Rows are found by a key that is their own and orders them, and nothing but their columns says what goes together. */
function isPlain(table: TableSchema, {keyKind, only}: TableShape): boolean {
  const isKeyed = keyKind === 'primary' && table.keyIsOrdered && only === undefined;
  const isSimple = ({partial, columns}: TableSchema['uniques'][number]): boolean =>
    !partial && columns.every(({column}) => column !== undefined);
  return isKeyed && table.triggers.length === 0 && table.uniques.every(isSimple);
}
