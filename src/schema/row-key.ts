/** The encoded key of a row (snapshot/FORMAT.md, "Keys"). */
import {digestOf} from '../canonical/digest.ts';
import {decodeKey, encodeKeyCell, encodeWireKey} from '../canonical/key.ts';
import type {Cell, WireRow} from '../kernel/row.ts';
import {keyIndexes, type TableShape} from './table-shape.ts';

/** Gives the encoded key columns of a row, without the occurrence number of multiset keys. */
export function columnKeys(shape: TableShape): (cells: WireRow) => string {
  const indexes = keyIndexes(shape);
  const folds = shape.key.map((column) => column.fold);
  return (cells) =>
    encodeWireKey(
      indexes.map((index) => cells[index] ?? null),
      folds,
    );
}

/**
 * Gives the encoded key of each row, called in key order. Rows of a multiset are numbered among
 * their equals; `startAt` is the number of the first row when the rows begin inside such a group.
 */
export function rowKeys(shape: TableShape, startAt = 0): (cells: WireRow) => string {
  const plain = columnKeys(shape);
  if (shape.keyKind === 'primary') return plain;
  let group: string | undefined;
  let occurrence = startAt - 1;
  return (cells) => {
    const key = plain(cells);
    occurrence = group === undefined || key === group ? occurrence + 1 : 0;
    group = key;
    return `${key},${encodeKeyCell(BigInt(occurrence))}`;
  };
}

/** The occurrence number at the end of a multiset key. */
export function occurrenceOf(key: string): number {
  const text = key.slice(key.lastIndexOf(',') + 1);
  return /^N[0a-i]/.test(text) ? Number(text.slice(text === 'N0' ? 1 : 2)) : 0;
}

/**
 * A key as people and scripts read it: `id=42`, `monitor_id=1,tag_id=2`. Long or binary values, which may be
 * secrets, appear as the beginning of their digest.
 */
export function keyLabel(shape: TableShape, key: string): string {
  const cells = decodeKey(key);
  const columns = shape.key
    .map(({name}, at) => `${name}=${cellLabel(cells[at] ?? null)}`)
    .join(',');
  const number = shape.keyKind === 'multiset' ? occurrenceOf(key) : 0;
  return number === 0 ? columns : `${columns}#${number + 1}`;
}

const LABEL_TEXT_MAX = 40;

function cellLabel(cell: Cell): string {
  if (cell === null) return 'null';
  if (typeof cell === 'bigint' || typeof cell === 'number') return String(cell);
  if (typeof cell === 'string' && cell.length <= LABEL_TEXT_MAX) return JSON.stringify(cell);
  return `digest:${digestOf(JSON.stringify(encodeKeyCell(cell))).slice(0, 12)}`;
}
