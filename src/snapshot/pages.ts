/** Long chunk lists ⇄ index pages (FORMAT.md, "Index pages"). */
import stringify from 'fast-json-stable-stringify';
import {digestOf} from '../canonical/digest.ts';
import {parseJson} from '../canonical/json.ts';
import {isKey} from '../canonical/key.ts';
import {countLines, utf8Text} from '../canonical/utf8.ts';
import {EngineError} from '../kernel/errors.ts';
import {
  MANIFEST_BYTES_MAX,
  MANIFEST_CHUNKS_INLINE_MAX,
  MANIFEST_DEPTH_MAX,
  MANIFEST_VALUES_MAX,
} from '../kernel/format-limits.ts';
import type {ChunkEntry, PageEntry} from './content.ts';
import {chunkEntrySchema, keysIncrease} from './manifest-text.ts';
import {PAGE_CHUNKS_MAX, pageCutter} from './mix.ts';

export type Page = {readonly entry: PageEntry; readonly bytes: Uint8Array};

/** How a manifest lists these chunks: inline, or as pages whose bytes are objects of the snapshot. */
export function paginate(
  chunks: readonly ChunkEntry[],
): {readonly chunks: readonly ChunkEntry[]} | {readonly pages: readonly Page[]} {
  if (chunks.length <= MANIFEST_CHUNKS_INLINE_MAX) return {chunks};
  const startsPage = pageCutter();
  const groups: ChunkEntry[][] = [];
  for (const chunk of chunks) {
    if (startsPage(chunk.first)) groups.push([]);
    groups.at(-1)?.push(chunk);
  }
  return {pages: groups.map(encodePage)};
}

function encodePage(chunks: readonly ChunkEntry[]): Page {
  const bytes = Buffer.from(chunks.map((chunk) => stringify(chunk) + '\n').join(''), 'utf8');
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const first = chunks[0]?.first ?? '';
  return {entry: {digest: digestOf(bytes), first, rows, chunks: chunks.length}, bytes};
}

/**
 * The chunk entries of a page, checked against its entry.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` naming the table.
 */
export function decodePage(
  table: string,
  entry: PageEntry,
  bytes: Uint8Array,
): readonly ChunkEntry[] {
  if (bytes.byteLength > MANIFEST_BYTES_MAX || digestOf(bytes) !== entry.digest) {
    throw corrupt(table, 'its bytes do not match its digest');
  }
  if (countLines(bytes, PAGE_CHUNKS_MAX) !== entry.chunks) throw corrupt(table, 'it is cut');
  const lines = (utf8Text(bytes) ?? '').split('\n');
  if (lines.pop() !== '') throw corrupt(table, 'it is cut');
  const chunks = lines.map((line) => parseEntry(table, line));
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  if (rows !== entry.rows || chunks[0]?.first !== entry.first || !keysIncrease(chunks)) {
    throw corrupt(table, 'its entries do not fit together');
  }
  return chunks;
}

/** An entry without members of others, in canonical form: of a hundred thousand, all are like this. */
const PLAIN_ENTRY =
  /^\{"digest":"([0-9a-f]{64})","first":"([0-9A-Za-z,~-]+)","rows":([1-9][0-9]{0,8})\}$/;

function parseEntry(table: string, line: string): ChunkEntry {
  const [, digest = '', first = '', rows] = PLAIN_ENTRY.exec(line) ?? [];
  if (rows !== undefined && isKey(first)) return {digest, first, rows: Number(rows)};
  const json = jsonOf(table, line);
  const parsed = chunkEntrySchema.safeParse(json);
  if (!parsed.success) throw corrupt(table, 'an entry is not as the format says');
  if (stringify(parsed.data) !== line) throw corrupt(table, 'an entry is not in canonical form');
  return parsed.data;
}

function jsonOf(table: string, line: string): unknown {
  try {
    return parseJson(line, {depth: MANIFEST_DEPTH_MAX, values: MANIFEST_VALUES_MAX});
  } catch (cause) {
    throw corrupt(table, 'an entry is no JSON within the bounds of the format', cause);
  }
}

function corrupt(table: string, why: string, cause?: unknown): EngineError {
  return new EngineError(
    'SNAPSHOT_CORRUPT',
    `an index page of table "${table}" is damaged: ${why}`,
    {
      site: {table},
      hint: 'Check the store (restic check --read-data), or replicate another snapshot with --snapshot.',
      cause,
    },
  );
}
