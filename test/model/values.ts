/**
 * Values as one line of text each: storage class, and the exact value. Equal lines are equal values.
 * What SQLite makes of them is asked of SQLite itself.
 */
import BetterSqlite3 from 'better-sqlite3';

/** `null`, `integer 5`, `real 3FE0000000000000`, `text 61`, `blob 61`. */
export type Value = string;

/** The SQL that reads a column as class and value; `valueOf` puts them together. */
export function readSql(expression: string): string {
  return `typeof(${expression}), CASE typeof(${expression}) WHEN 'text' THEN hex(CAST(${expression} AS BLOB)) WHEN 'blob' THEN hex(${expression}) ELSE ${expression} END`;
}

/** @param value As read with safeIntegers. */
export function valueOf(storage: unknown, value: unknown): Value {
  switch (storage) {
    case 'null':
      return 'null';
    case 'real':
      return `real ${bitsOf(Number(value))}`;
    case 'integer':
    case 'text':
    case 'blob':
      return `${storage} ${String(value)}`;
    default:
      throw new Error(`SQLite named an unknown class: ${String(storage)}`);
  }
}

function bitsOf(value: number): string {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return bits.toString('hex').toUpperCase();
}

/** A value to be bound to `bindSql`. */
export function boundOf(value: Value): null | bigint | number | Buffer {
  const [storage, rest = ''] = value.split(' ');
  if (storage === 'null') return null;
  if (storage === 'integer') return BigInt(rest);
  const bytes = Buffer.from(rest, 'hex');
  return storage === 'real' ? bytes.readDoubleBE() : bytes;
}

export function bindSql(value: Value): string {
  return value.startsWith('text ') ? 'CAST(? AS TEXT)' : '?';
}

/** Values that are one under a collation give one text: 1 = 1.0, and letters as the collation sees them. */
export function folded(value: Value, collate: string | undefined): string {
  if (value.startsWith('real ')) {
    const number = boundOf(value) as number;
    return Number.isSafeInteger(number) ? `integer ${BigInt(number)}` : value;
  }
  if (!value.startsWith('text ') || collate === undefined) return value;
  const bytes = Buffer.from(value.slice('text '.length), 'hex').toString('latin1');
  const same =
    collate === 'NOCASE'
      ? bytes.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
      : bytes.replace(/ +$/, '');
  return `text ${Buffer.from(same, 'latin1').toString('hex').toUpperCase()}`;
}

const scratch = new BetterSqlite3(':memory:');
const stored = new Map<string, Value>();

/** What a column of a declared type makes of a value. */
export function storedAs(type: string, strict: boolean, value: Value): Value {
  const declared = strict && type.toUpperCase() === 'ANY' ? '' : type;
  const name = `${declared} ${value}`;
  const known = stored.get(name) ?? ask(declared, value);
  stored.set(name, known);
  return known;
}

function ask(declared: string, value: Value): Value {
  const table = `"t ${declared}"`;
  scratch.exec(`CREATE TABLE IF NOT EXISTS ${table} (c ${declared}); DELETE FROM ${table};`);
  scratch.prepare(`INSERT INTO ${table} VALUES (${bindSql(value)})`).run(boundOf(value));
  const raw = scratch
    .prepare(`SELECT ${readSql('c')} FROM ${table}`)
    .raw()
    .safeIntegers()
    .get() as readonly unknown[];
  return valueOf(raw[0], raw[1]);
}

const literals = new Map<string, Value>();

/** The value of an SQL literal. */
export function literal(text: string): Value {
  const known = literals.get(text);
  if (known !== undefined) return known;
  const raw = scratch
    .prepare(`SELECT ${readSql(text)}`)
    .raw()
    .safeIntegers()
    .get() as readonly unknown[];
  const value = valueOf(raw[0], raw[1]);
  literals.set(text, value);
  return value;
}
