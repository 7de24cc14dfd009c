/** One cell in its wire form and back (snapshot/FORMAT.md, "Cells"). */
import {EngineError} from '../kernel/errors.ts';
import type {Cell, TextBytes, WireCell} from '../kernel/row.ts';
import {utf8Text} from './utf8.ts';

/**
 * The wire form of a cell. Distinct cells always give distinct JSON texts: 1, 1.0, '1' and x'31' are
 * four things, and so are 0.0 and -0.0.
 */
export function encodeCell(cell: Cell): WireCell {
  if (cell === null) return null;
  switch (typeof cell) {
    case 'string':
      return encodeText(cell);
    case 'bigint':
      return encodeInteger(cell);
    case 'number':
      return encodeReal(cell);
    default:
      return cell instanceof Uint8Array ? {b: toBase64(cell)} : {t: toBase64(cell.textBytes)};
  }
}

/**
 * The cell of a wire form.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` for anything that `encodeCell` does not give, so that no
 * value has two spellings.
 */
export function decodeCell(wire: unknown): Cell {
  if (wire === null) return null;
  if (typeof wire === 'string') return decodeText(wire);
  if (typeof wire === 'number') return decodeNumber(wire);
  if (typeof wire === 'object' && !Array.isArray(wire)) return decodeTagged(wire);
  throw malformed('it is neither null, number, string nor a tagged value');
}

function encodeText(text: string): WireCell {
  if (!text.isWellFormed()) {
    throw new EngineError('VALUE_UNSUPPORTED', 'a text holds half of a surrogate pair', {
      hint: 'Read such text as bytes; it is not valid Unicode.',
    });
  }
  return text;
}

function encodeInteger(integer: bigint): WireCell {
  const plain = Number(integer);
  return Number.isSafeInteger(plain) ? plain : {i: integer.toString()};
}

function encodeReal(real: number): WireCell {
  if (Number.isFinite(real) && !Number.isInteger(real)) return real;
  return {r: Object.is(real, -0) ? '-0' : String(real)};
}

function decodeText(text: string): string {
  if (!text.isWellFormed()) throw malformed('a text holds half of a surrogate pair');
  return text;
}

function decodeNumber(value: number): Cell {
  if (Number.isInteger(value)) {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw malformed('a number beyond 2^53 or a negative zero stands without its tag');
    }
    return BigInt(value);
  }
  if (!Number.isFinite(value)) throw malformed('a number is out of range');
  return value;
}

const INTEGER = /^-?[1-9][0-9]*$/;
const INTEGER_MAX = 2n ** 63n - 1n;
const INTEGER_MIN = -(2n ** 63n);

function decodeTagged(tagged: object): Cell {
  const entries = Object.entries(tagged);
  const [tag, value] = entries[0] ?? [];
  if (entries.length !== 1 || typeof value !== 'string') throw malformed('its tag is not one text');
  switch (tag) {
    case 'i':
      return decodeInteger(value);
    case 'r':
      return decodeReal(value);
    case 'b':
      return fromBase64(value);
    case 't':
      return decodeTextBytes(value);
    default:
      throw malformed('its tag is unknown');
  }
}

function decodeInteger(text: string): bigint {
  if (text.length > 20 || !INTEGER.test(text))
    throw malformed('an integer is not in plain decimal');
  const integer = BigInt(text);
  if (integer > INTEGER_MAX || integer < INTEGER_MIN) throw malformed('an integer exceeds 64 bits');
  if (Number.isSafeInteger(Number(integer))) throw malformed('a small integer is tagged');
  return integer;
}

function decodeReal(text: string): number {
  const real = text === '-0' ? -0 : Number(text);
  const again = encodeReal(real);
  const same = again !== null && typeof again === 'object' && 'r' in again && again.r === text;
  if (!same) throw malformed('a real is not in its shortest form');
  return real;
}

function decodeTextBytes(base64: string): TextBytes {
  const textBytes = fromBase64(base64);
  if (utf8Text(textBytes) !== undefined) throw malformed('a valid text is tagged as bytes');
  return {textBytes};
}

/** The text of UTF-8 bytes, or the bytes themselves where they are not valid UTF-8. */
export function textOfBytes(bytes: Uint8Array): string | TextBytes {
  return utf8Text(bytes) ?? {textBytes: new Uint8Array(bytes)};
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromBase64(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw malformed('its base64 is not canonical');
  return new Uint8Array(bytes);
}

function malformed(why: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', `a cell is not in canonical form: ${why}`);
}
