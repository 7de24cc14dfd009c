/** What chunks of the live rows were last found to hold: a file that only saves work, and may be lost or damaged. */
import {join} from 'node:path';
import {digestOf, isDigest} from '../canonical/digest.ts';
import {PRINTS_FILE_BYTES_MAX} from '../kernel/read-limits.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {readBounded, writeWhole} from './files.ts';

/** A chunk, and the print of the rows that it was made of; undefined where they have none. */
export type PrintedChunk = {readonly entry: ChunkEntry; readonly print: string | undefined};

/** All chunks of one table, in order. */
export type PrintedTable = {
  /** Names all that chunks and prints depend on besides the rows. */
  readonly form: string;
  readonly chunks: readonly PrintedChunk[];
};

/** Bytes of the line before all others. */
const DIGEST_LINE = 65;

/** By the names of the tables. */
export type PrintedTables = ReadonlyMap<string, PrintedTable>;

export class PrintFile {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'prints');
  }

  /** Nothing where there is none, it is damaged, or it cannot be read. */
  read(): PrintedTables {
    const bytes = this.#bytes();
    if (bytes === undefined) return new Map();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const end = text.indexOf('\n');
    const body = text.slice(end + 1);
    return digestOf(body) === text.slice(0, Math.max(end, 0)) ? decode(body) : new Map();
  }

  #bytes(): Uint8Array | undefined {
    try {
      return readBounded(this.#path, PRINTS_FILE_BYTES_MAX);
    } catch {
      return undefined;
    }
  }

  /** Puts these in place of those that there are; none where they would be too many to be read again. */
  keep(tables: PrintedTables): void {
    const body = encode(tables);
    writeWhole(this.#path, Buffer.from(`${digestOf(body)}\n${body}`, 'latin1'));
  }
}

/** A line for each chunk, behind one for its table. ASCII: names of tables are hex, and keys are encoded. */
function encode(tables: PrintedTables): string {
  const lines: string[] = [];
  let size = 0;
  const add = (line: string): void => {
    lines.push(line);
    size += line.length;
  };
  for (const [name, {form, chunks}] of tables) {
    add(`table ${Buffer.from(name, 'utf8').toString('hex')} ${form}\n`);
    for (const {entry, print = ''} of chunks) {
      add(`${entry.digest} ${print} ${entry.rows} ${entry.first}\n`);
      if (size > PRINTS_FILE_BYTES_MAX - DIGEST_LINE) return '';
    }
  }
  return lines.join('');
}

/** Nothing where a line is none of those that `encode` writes. */
function decode(body: string): PrintedTables {
  const tables = new Map<string, PrintedTable>();
  let chunks: PrintedChunk[] = [];
  for (const line of body.split('\n').slice(0, -1)) {
    const [first = '', second = '', third = '', fourth = ''] = line.split(' ');
    if (first === 'table') {
      chunks = [];
      tables.set(Buffer.from(second, 'hex').toString('utf8'), {form: third, chunks});
      continue;
    }
    const entry = {digest: first, first: fourth, rows: Number(third)};
    if (!isDigest(first) || !Number.isSafeInteger(entry.rows)) return new Map();
    chunks.push({entry, print: isDigest(second) ? second : undefined});
  }
  return tables;
}
