/** Manifests ⇄ bytes. Reading is strict: what is not understood is refused, never guessed. */
import stringify from 'fast-json-stable-stringify';
import {z} from 'zod';
import {digestOf, isDigest, type Digest} from '../canonical/digest.ts';
import {decodeCell} from '../canonical/cell.ts';
import {parseJson} from '../canonical/json.ts';
import {isKey} from '../canonical/key.ts';
import {utf8Text} from '../canonical/utf8.ts';
import {EngineError} from '../kernel/errors.ts';
import {
  FOLDER_DEPTH_MAX,
  MANIFEST_BYTES_MAX,
  MANIFEST_DEPTH_MAX,
  MANIFEST_VALUES_MAX,
  SNAPSHOT_CHUNKS_MAX,
} from '../kernel/format-limits.ts';
import type {Cell, WireCell} from '../kernel/row.ts';
import {compareNames} from '../schema/names.ts';
import {LOGICAL_TYPES} from '../schema/table-schema.ts';
import {rootDigest, tableContent} from './content.ts';
import {chunksOf, shapeOf, type Manifest, type ManifestTable} from './manifest.ts';
import {chunkRowsMax, PAGE_CHUNKS_MAX} from './mix.ts';

const FORMAT_VERSION = 1;
const HEADER = 'rowplica-manifest ';

export function encodeManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(`${HEADER}${FORMAT_VERSION}\n${stringify(manifest)}\n`, 'utf8');
}

/** The id of a snapshot: the digest of its manifest's bytes. */
export function manifestDigest(bytes: Uint8Array): Digest {
  return digestOf(bytes);
}

/**
 * Reads a manifest and checks what can be checked without its objects.
 *
 * @throws {EngineError} `FORMAT_NEWER` for a later format, `SNAPSHOT_CORRUPT` for anything else that
 * is not exactly what version 1 writes.
 */
export function decodeManifest(bytes: Uint8Array, expected?: Digest): Manifest {
  if (bytes.byteLength > MANIFEST_BYTES_MAX) throw corrupt('it is larger than any manifest can be');
  const text = utf8Text(bytes) ?? '';
  const body = bodyAfterHeader(text);
  if (expected !== undefined && manifestDigest(bytes) !== expected) {
    throw corrupt('its bytes do not match the digest it is known by');
  }
  const manifest = parseBody(body);
  checkManifest(manifest);
  return manifest;
}

function bodyAfterHeader(text: string): string {
  const end = text.indexOf('\n');
  const version = /^rowplica-manifest ([1-9][0-9]{0,8})$/.exec(
    text.slice(0, Math.max(end, 0)),
  )?.[1];
  if (version === undefined) throw corrupt('it does not begin as a manifest does');
  if (Number(version) > FORMAT_VERSION) {
    throw new EngineError(
      'FORMAT_NEWER',
      `the snapshot has format version ${version}; this Rowplica reads up to ${FORMAT_VERSION}`,
      {
        hint: 'Upgrade Rowplica on this instance.',
      },
    );
  }
  return text.slice(end + 1);
}

function parseBody(body: string): Manifest {
  const json = jsonOf(body);
  const parsed = manifestSchema.safeParse(json);
  // What was understood is written anew: a member that was passed over, as `__proto__`, is missing then.
  const understood = parsed.success ? parsed.data : json;
  if (stringify(understood) + '\n' !== body) throw corrupt('it is not in canonical form');
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw corrupt(`"${issue?.path.join('.') ?? ''}" is not as the format says`);
  }
  return parsed.data;
}

function jsonOf(body: string): unknown {
  try {
    return parseJson(body, {depth: MANIFEST_DEPTH_MAX, values: MANIFEST_VALUES_MAX});
  } catch (cause) {
    throw corrupt(cause instanceof EngineError ? cause.message : 'it is not valid JSON');
  }
}

const text = z.string().refine((value) => value.isWellFormed());
const digest = z.string().refine(isDigest);
const count = z.int().min(0);
const positive = z.int().min(1);
const names = z.array(text);
const key = z.string().refine(isKey);
const wireCell = z.custom<WireCell>((value) => cellOf(value) !== undefined);
const integerCell = z.custom<WireCell>((value) => typeof cellOf(value) === 'bigint');

function cellOf(value: unknown): Cell | undefined {
  try {
    return decodeCell(value);
  } catch {
    return undefined;
  }
}

/** An object whose unknown members are refused, unless they start with `x-`. */
function record<T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$loose> {
  const known = new Set(Object.keys(shape));
  return z
    .looseObject(shape)
    .refine((value) =>
      Object.keys(value).every((name) => known.has(name) || name.startsWith('x-')),
    );
}

const chunkSchema = record({digest, first: key, rows: positive});
const pageSchema = record({digest, first: key, rows: positive, chunks: positive});
export const chunkEntrySchema: z.ZodType<{digest: string; first: string; rows: number}> =
  chunkSchema;

const filterIn = record({column: text, in: z.array(wireCell).min(1)});
const filterNot = record({column: text, not: z.array(wireCell).min(1)});
const filterBelow = record({column: text, below: integerCell});

const tableSchema = record({
  name: text,
  columns: z
    .array(
      record({
        name: text,
        type: z.enum(LOGICAL_TYPES),
        declared: text,
        notNull: z.boolean(),
      }),
    )
    .min(1),
  omitted: names,
  key: record({
    kind: z.enum(['primary', 'multiset']),
    columns: z.array(record({name: text, fold: z.enum(['binary', 'nocase', 'rtrim'])})).min(1),
  }),
  fingerprint: text,
  rows: count,
  digest,
  chunks: z.array(chunkSchema).optional(),
  pages: z.array(pageSchema).min(1).optional(),
  where: z
    .array(z.union([filterIn, filterNot, filterBelow]))
    .min(1)
    .optional(),
  counter: integerCell.optional(),
  violations: z
    .array(
      record({
        columns: names,
        parent: text,
        count: positive,
        values: z.array(key).optional(),
      }),
    )
    .optional(),
});

const manifestSchema = record({
  lineage: z.uuid(),
  epoch: positive,
  sequence: positive,
  author: z.uuid(),
  parent: digest.nullable(),
  created: text,
  source: record({engine: text, application: text.nullable(), version: names}),
  depth: z.int().min(0).max(FOLDER_DEPTH_MAX),
  root: digest,
  tables: z.array(tableSchema),
  bundle: record({id: text, members: names}).optional(),
});

function checkManifest(manifest: Manifest): void {
  if (!strictlyIncreasing(manifest.tables.map((table) => table.name)))
    throw corrupt('its tables are not in order');
  if (manifest.tables.reduce((sum, table) => sum + chunksOf(table), 0) > SNAPSHOT_CHUNKS_MAX)
    throw corrupt(`it lists more than ${SNAPSHOT_CHUNKS_MAX} chunks`);
  manifest.tables.forEach(checkTable);
  if (rootDigest(manifest.tables) !== manifest.root)
    throw corrupt('its root digest does not fit its tables');
}

function checkTable(table: ManifestTable): void {
  const refuse = (why: string): never => {
    throw corrupt(`table "${table.name}": ${why}`);
  };
  const columns = table.columns.map((column) => column.name);
  if (!strictlyIncreasing(columns)) refuse('its columns are not in order');
  if (!table.key.columns.every((column) => columns.includes(column.name)))
    refuse('its key is not among its columns');
  if (table.where?.some(({column}) => !columns.includes(column)) === true)
    refuse('its rows are chosen by a column that it does not have');
  if ((table.chunks === undefined) === (table.pages === undefined))
    refuse('it needs either chunks or pages');
  const entries = table.chunks ?? table.pages ?? [];
  if (!keysIncrease(entries)) refuse('its chunks are not in key order');
  const pages = table.pages ?? [];
  if (pages.some((page) => page.chunks > PAGE_CHUNKS_MAX)) refuse('a page lists too many chunks');
  const most = chunkRowsMax(columns.length);
  const fits = (rows: number, chunks: number): boolean => rows >= chunks && rows <= chunks * most;
  const crowded =
    pages.some((page) => !fits(page.rows, page.chunks)) ||
    table.chunks?.some((chunk) => !fits(chunk.rows, 1));
  if (crowded === true) refuse('its chunks cannot have as many rows as it says');
  const parts = table.key.columns.length + (table.key.kind === 'multiset' ? 1 : 0);
  if (entries.some((entry) => entry.first.split(',').length !== parts)) {
    refuse('its keys do not have as many parts as its key has columns');
  }
  if (entries.reduce((sum, entry) => sum + entry.rows, 0) !== table.rows)
    refuse('its rows do not add up');
  if (table.chunks && tableContent(shapeOf(table), table.chunks).digest !== table.digest) {
    refuse('its digest does not fit its chunks');
  }
}

/** True where the first keys of consecutive entries strictly increase. */
export function keysIncrease(entries: readonly {readonly first: string}[]): boolean {
  return entries.every((entry, at) => at === 0 || (entries[at - 1]?.first ?? '') < entry.first);
}

function strictlyIncreasing(list: readonly string[]): boolean {
  return list.every((name, at) => at === 0 || compareNames(list[at - 1] ?? '', name) < 0);
}

function corrupt(why: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', `the manifest is damaged: ${why}`, {
    hint: 'Check the store (restic check --read-data), or replicate another snapshot with --snapshot.',
  });
}
