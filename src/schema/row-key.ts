/** The encoded key of a row (snapshot/FORMAT.md, "Keys"). */
import {encodeCell} from '../canonical/cell.ts';
import {digestOf} from '../canonical/digest.ts';
import {decodeKey, encodeKeyCell, encodeWireKey, encodeWireKeyCell} from '../canonical/key.ts';
import type {Cell, WireRow} from '../kernel/row.ts';
import {isWholeRow} from './locator.ts';
import {keyIndexes, type TableShape} from './table-shape.ts';

/** Gives the encoded key columns of a row, without the occurrence number of multiset keys. */
export function columnKeys(shape: TableShape): (cells: WireRow) => string {
  const indexes = keyIndexes(shape);
  const folds = shape.key.map((column) => column.fold);
  const [only, ...more] = indexes;
  // The common case, without two lists and a join for each row.
  if (only !== undefined && more.length === 0)
    return (cells) => encodeWireKeyCell(cells[only] ?? null, folds[0]);
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
 * A key as people and scripts read it: `id=42`, `monitor_id=1,tag_id=2`. Numbers are shown; texts and blobs may
 * be secrets, and appear as the beginning of a digest unless values were asked for. Whole rows are shown if they
 * link integers, as ids are; else they are one digest.
 */
export function keyLabel(shape: TableShape, key: string, showValues = false): string {
  const cells = decodeKey(key);
  const hidden = isWholeRow(shape) && !showValues && !keyCells(shape, cells).every(isLink);
  const columns = hidden
    ? `row=${digestLabel(wholeKey(key))}`
    : shape.key
        .map(({name}, at) => `${name}=${cellLabel(cells[at] ?? null, showValues)}`)
        .join(',');
  const number = shape.keyKind === 'multiset' ? occurrenceOf(key) : 0;
  return number === 0 ? columns : `${columns}#${number + 1}`;
}

function keyCells(shape: TableShape, cells: readonly Cell[]): readonly Cell[] {
  return cells.slice(0, shape.key.length);
}

function isLink(cell: Cell): boolean {
  return cell === null || typeof cell === 'bigint';
}

/** The key of a multiset without the occurrence number. */
function wholeKey(key: string): string {
  return key.slice(0, key.lastIndexOf(','));
}

function cellLabel(cell: Cell, showValues: boolean): string {
  if (cell === null) return 'null';
  if (typeof cell === 'bigint' || typeof cell === 'number') return String(cell);
  if (showValues) return JSON.stringify(encodeCell(cell));
  return digestLabel(encodeKeyCell(cell));
}

function digestLabel(text: string): string {
  return `digest:${digestOf(text).slice(0, 8)}`;
}
