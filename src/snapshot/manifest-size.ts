/** Refuses to write a manifest that no reader would accept. */
import {EngineError} from '../kernel/errors.ts';
import {MANIFEST_BYTES_MAX, SNAPSHOT_CHUNKS_MAX} from '../kernel/format-limits.ts';
import type {ChunkEntry} from './content.ts';
import {chunksOf, type ManifestTable} from './manifest.ts';
import type {Page} from './pages.ts';

/** Characters of a chunk entry beside its key, rounded up. */
const ENTRY_CHARS = 200;

/**
 * Chunks are listed with the key of their first row, which may be long: a text, or all of a row.
 *
 * @throws {EngineError} `VALUE_UNSUPPORTED` naming the table whose list is the longest.
 */
export function checkManifestSize(tables: readonly ManifestTable[], pages: readonly Page[]): void {
  const sizes = tables.map((table) => sizeOf(table.chunks ?? table.pages ?? []));
  const listed = sizes.reduce((sum, size) => sum + size, 0);
  const chunks = tables.reduce((sum, table) => sum + chunksOf(table), 0);
  const longPage = pages.find((page) => page.bytes.byteLength > MANIFEST_BYTES_MAX);
  if (listed <= MANIFEST_BYTES_MAX && chunks <= SNAPSHOT_CHUNKS_MAX && longPage === undefined)
    return;
  const owner = tables.find(({pages: own}) => own?.some((page) => page === longPage?.entry));
  const largest = tables[sizes.indexOf(Math.max(...sizes))];
  const table = (owner ?? largest)?.name ?? '';
  throw new EngineError(
    'VALUE_UNSUPPORTED',
    `cannot snapshot table "${table}": it is too large, or its keys are too long, to be listed`,
    {
      site: {table},
      hint: `A list of chunks may hold ${MANIFEST_BYTES_MAX / 2 ** 20} MiB of keys, and a snapshot ${SNAPSHOT_CHUNKS_MAX} chunks; leave the table out.`,
    },
  );
}

function sizeOf(entries: readonly ChunkEntry[]): number {
  return entries.reduce((sum, {first}) => sum + first.length + ENTRY_CHARS, 0);
}
