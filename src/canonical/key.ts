/**
 * Encoded keys: ASCII text whose byte order is the order in which SQLite's BINARY collation sorts the
 * values: NULL < numbers by value < text by UTF-8 bytes < blobs (snapshot/FORMAT.md, "Keys").
 *
 * An encoded key is the equivalence class that a unique index sees: 1 and 1.0 encode alike, and so do
 * 'Ab' and 'aB' under NOCASE.
 */
import {must} from '../kernel/assert.ts';
import type {Cell, WireCell} from '../kernel/row.ts';
import {decodeCell} from './cell.ts';

/** What a unique index regards as equal in one key column, beyond equal bytes. */
export type Fold = 'binary' | 'nocase' | 'rtrim';

/** Encodes the cells of one key, in key order. `folds` has one entry a cell. */
export function encodeKey(cells: readonly Cell[], folds: readonly Fold[]): string {
  return cells.map((cell, index) => encodeKeyCell(cell, folds[index])).join(',');
}

/** Encodes a key from wire cells; plain integers, the common case, are not decoded first. */
export function encodeWireKey(cells: readonly WireCell[], folds: readonly Fold[]): string {
  return cells.map((cell, index) => encodeWireKeyCell(cell, folds[index])).join(',');
}

/** As `encodeKeyCell`, from a wire cell. */
export function encodeWireKeyCell(cell: WireCell, fold: Fold | undefined): string {
  if (typeof cell === 'number' && Number.isSafeInteger(cell)) return encodeSafeInteger(cell);
  return encodeKeyCell(decodeCell(cell), fold);
}

/** Encodes one cell of a key. */
export function encodeKeyCell(cell: Cell, fold: Fold = 'binary'): string {
  if (cell === null) return 'A';
  switch (typeof cell) {
    case 'bigint':
      return encodeInteger(cell);
    case 'number':
      return encodeReal(cell);
    case 'string':
      return 'T' + Buffer.from(foldText(cell, fold), 'utf8').toString('hex');
    default:
      if (cell instanceof Uint8Array) return 'X' + hex(cell);
      return 'T' + hex(foldBytes(cell.textBytes, fold));
  }
}

/**
 * Cells that compare equal to those that were encoded. The storage class of numbers and the spelling
 * of folded text are not kept, so these serve to look rows up, never to write them.
 */
export function decodeKey(key: string): readonly Cell[] {
  return key.split(',').map(decodeKeyCell);
}

function encodeInteger(integer: bigint): string {
  if (integer === 0n) return 'N0';
  return integer > 0n ? positive(integer.toString()) : negative((-integer).toString());
}

/** Encodes a safe integer without going through bigint; same text as for the bigint. */
function encodeSafeInteger(integer: number): string {
  if (integer === 0) return 'N0';
  return integer > 0 ? positive(String(integer)) : negative(String(-integer));
}

function encodeReal(real: number): string {
  if (real === 0) return 'N0';
  if (real === Infinity) return 'Nzz';
  if (real === -Infinity) return 'N-' + complement('Nzz'.slice(1)) + '~';
  const size = Math.abs(real);
  if (Number.isInteger(size)) {
    const digits = Number.isSafeInteger(size) ? String(size) : BigInt(size).toString();
    return real > 0 ? positive(digits) : negative(digits);
  }
  const text = scientific(size);
  return real > 0 ? 'N' + text : 'N-' + complement(text) + '~';
}

const positive = (digits: string): string => 'N' + magnitude(digits.length - 1, digits);
const negative = (digits: string): string =>
  'N-' + complement(magnitude(digits.length - 1, digits)) + '~';

/** Exponent (power of ten of the first digit), then the digits. Sorts as the magnitude does. */
function magnitude(exponent: number, digits: string): string {
  if (exponent < 0) return 'S' + String(1000 + exponent).padStart(3, '0') + digits;
  if (exponent < 25) return String.fromCharCode(97 + exponent) + digits;
  return 'z' + String(exponent).padStart(3, '0') + digits;
}

/** A positive real with a fraction: JavaScript's shortest digits, which keep the order of doubles. */
function scientific(real: number): string {
  const [mantissa = '', exponent = ''] = real.toExponential().split('e');
  return magnitude(Number(exponent), mantissa.replace('.', ''));
}

const FORWARD = '0123456789Sabcdefghijklmnopqrstuvwxyz';
const COMPLEMENT = new Map(
  Array.from(FORWARD, (char, at) => [char, FORWARD[FORWARD.length - 1 - at]]),
);

/** Reverses the order of magnitudes, for negative numbers. It is its own inverse. */
function complement(text: string): string {
  let out = '';
  for (const char of text) out += must(COMPLEMENT.get(char), 'magnitudes use known characters');
  return out;
}

function decodeKeyCell(text: string): Cell {
  switch (text[0]) {
    case 'A':
      return null;
    case 'T': {
      const bytes = fromHex(text.slice(1));
      const decoded = Buffer.from(bytes).toString('utf8');
      return decoded.includes('\uFFFD') ? {textBytes: bytes} : decoded;
    }
    case 'X':
      return fromHex(text.slice(1));
    default:
      return decodeNumber(text.slice(1));
  }
}

function decodeNumber(text: string): bigint | number {
  if (text === '0') return 0n;
  if (!text.startsWith('-')) return decodeMagnitude(text);
  const size = decodeMagnitude(complement(text.slice(1, -1)));
  return -size;
}

const INTEGER_MAX = 2n ** 63n - 1n;

function decodeMagnitude(text: string): bigint | number {
  if (text === 'zz') return Infinity;
  const first = text.charCodeAt(0);
  const wide = text[0] === 'S' || text[0] === 'z';
  const digits = text.slice(wide ? 4 : 1);
  const stored = Number(text.slice(1, 4));
  const exponent = !wide ? first - 97 : text[0] === 'S' ? stored - 1000 : stored;
  const integer = exponent === digits.length - 1 && exponent <= 18 ? BigInt(digits) : undefined;
  if (integer !== undefined && integer <= INTEGER_MAX) return integer;
  return Number(`${digits}e${exponent - digits.length + 1}`);
}

/** The representative of a text's equivalence class, as SQLite's collations see it. */
function foldText(text: string, fold: Fold): string {
  if (fold === 'nocase') return foldCase(text);
  if (fold === 'rtrim') return text.replace(/ +$/, '');
  return text;
}

/** NOCASE folds ASCII only, and looks at nothing behind a NUL but the number of bytes. */
function foldCase(text: string): string {
  const end = text.indexOf('\0');
  const head = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? 0 : Buffer.byteLength(text.slice(end));
  return head.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) + '\0'.repeat(rest);
}

function foldBytes(bytes: Uint8Array, fold: Fold): Uint8Array {
  if (fold === 'binary') return bytes;
  const end = fold === 'nocase' ? bytes.indexOf(0) : -1;
  const head = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
  const folded = Buffer.from(foldText(head, fold), 'latin1');
  return Buffer.concat([folded, Buffer.alloc(end < 0 ? 0 : bytes.length - end)]);
}

const COMPONENT = /A|N0|N[a-y][0-9]+|N[Sz][0-9]{4,}|Nzz|N-[0-9Sa-z]+~|[TX](?:[0-9a-f]{2})*/.source;
const KEY = new RegExp(`^(?:${COMPONENT})(?:,(?:${COMPONENT}))*$`);

/** True for text that `encodeKey` gives for some cells: no two of them mean one key, so that they sort as their cells do. */
export function isKey(text: string): boolean {
  return KEY.test(text) && text.split(',').every(isComponent);
}

function isComponent(text: string): boolean {
  // Hex digits of a text or blob have one spelling by the pattern alone; they may be long.
  if (text.startsWith('T') || text.startsWith('X')) return true;
  const negative = text.startsWith('N-');
  if (negative && !KEY.test('N' + complement(text.slice(2, -1)))) return false;
  return encodeKeyCell(decodeKeyCell(text)) === text;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
