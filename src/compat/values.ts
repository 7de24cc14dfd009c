/**
 * Values as SQLite stores, reads and calculates them, so that a step gives what the migration's own SQL gives.
 * Sources: https://sqlite.org/datatype3.html (sections 3 and 4), https://sqlite.org/lang_expr.html (CAST).
 */
import type {Affinity} from '../schema/affinity.ts';
import type {Cell} from '../kernel/row.ts';
import type {Literal} from './step.ts';

const INTEGER_MAX = 2n ** 63n - 1n;
const INTEGER_MIN = -(2n ** 63n);

/** A number without a fraction is an integer in YAML; a column of reals makes a real of it. */
export function cellOf(literal: Literal): Cell {
  if (typeof literal === 'boolean') return literal ? 1n : 0n;
  return typeof literal === 'number' && Number.isSafeInteger(literal) ? BigInt(literal) : literal;
}

/** What a column of this affinity keeps of a value; undefined for a real in a column of text, which no rule here covers. */
export function stored(affinity: Affinity, cell: Cell): Cell | undefined {
  if (affinity === 'none' || cell === null || typeof cell === 'object') return cell;
  if (affinity === 'text') {
    if (typeof cell === 'number') return undefined;
    return typeof cell === 'bigint' ? cell.toString() : cell;
  }
  const number = typeof cell === 'string' ? numberIn(cell) : cell;
  if (number === undefined) return cell;
  if (affinity === 'real') return Number(number) + 0; // such a column keeps whole reals as integers: no -0.0
  return typeof number === 'number' ? wholeOf(number) : number;
}

/** A real that is a whole number within 64 bits, the outermost excepted, becomes that integer. */
function wholeOf(real: number): Cell {
  if (!Number.isInteger(real) || Math.abs(real) >= 2 ** 63) return real;
  return BigInt(real);
}

const SPACE = '[ \\t\\n\\v\\f\\r]*';
const NUMBER = new RegExp(`^${SPACE}[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?${SPACE}$`);
const NUMBER_PREFIX = new RegExp(`^${SPACE}([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)`);

/** The number that a text spells from end to end. */
function numberIn(text: string): bigint | number | undefined {
  return NUMBER.test(text) ? parsed(text.trim()) : undefined;
}

function parsed(digits: string): bigint | number {
  if (!/^[+-]?\d+$/.test(digits)) return Number(digits);
  const integer = BigInt(digits.replace('+', ''));
  return fits(integer) ? integer : Number(digits);
}

const fits = (integer: bigint): boolean => integer <= INTEGER_MAX && integer >= INTEGER_MIN;

/** The operand that an arithmetic operator makes of a value: a text counts for the number it begins with. */
function operand(cell: Cell): bigint | number | null {
  if (cell === null || typeof cell === 'bigint' || typeof cell === 'number') return cell;
  const text =
    typeof cell === 'string'
      ? cell
      : Buffer.from(cell instanceof Uint8Array ? cell : cell.textBytes).toString('latin1');
  const digits = NUMBER_PREFIX.exec(text)?.[1];
  return digits === undefined ? 0n : parsed(digits);
}

/** `cell * times + plus`; integers stay exact while they fit into 64 bits. NULL gives NULL, and so does what is no number. */
export function calculated(cell: Cell, times: number | undefined, plus: number | undefined): Cell {
  const product = times === undefined ? operand(cell) : combined(operand(cell), times, '*');
  return plus === undefined ? product : combined(product, plus, '+');
}

function combined(
  a: bigint | number | null,
  by: number,
  operator: '*' | '+',
): bigint | number | null {
  if (a === null) return null;
  const b = cellOf(by);
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    const whole = operator === '*' ? a * b : a + b;
    if (fits(whole)) return whole;
  }
  const real = operator === '*' ? Number(a) * by : Number(a) + by;
  return Number.isNaN(real) ? null : real;
}

/** Equality of stored values: numbers by value, texts and blobs by bytes, NULL is itself. */
export function isSame(a: Cell, b: Cell): boolean {
  if (isNumber(a) && isNumber(b)) return a == b; // 1n is 1.0
  if (typeof a !== 'object' || a === null || b === null || typeof b !== 'object') return a === b;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  return Buffer.compare(a.textBytes, b.textBytes) === 0;
}

const isNumber = (cell: Cell): cell is bigint | number =>
  typeof cell === 'bigint' || typeof cell === 'number';

/** The text that SQLite makes of a real written with few digits, as conditions are. */
export function textOfReal(real: number): string {
  const [digits = '', exponent = '0'] = real.toExponential().split('e');
  const power = Number(exponent);
  const withPoint = (text: string): string => (text.includes('.') ? text : `${text}.0`);
  if (power >= -4 && power < 17) return withPoint(String(real));
  return `${withPoint(digits)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
