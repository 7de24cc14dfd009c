/** Which tables a call is about, and their content as it is in a live database. */
import {setImmediate} from 'node:timers/promises';
import type {Prints, View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {applicationNamed, profileNamed, recognise} from '../profiles/find-profile.ts';
import {refuseRecords} from '../profiles/migration-records.ts';
import type {Profile} from '../profiles/profile.ts';
import {compareNames} from '../schema/names.ts';
import type {DatabaseSchema} from '../schema/table-schema.ts';
import {shapeTable, type TableRequest, type TableShape} from '../schema/table-shape.ts';
import type {ChunkSink} from '../snapshot/chunk.ts';
import {tableContent, type TableContent} from '../snapshot/content.ts';
import type {PrintedChunk} from '../state/print-file.ts';
import {markKeyless} from './keyless.ts';
import type {KnownChunks} from './known-chunks.ts';
import {ParallelRead, type Keep, type OwnReader} from './parallel-read.ts';
import {chunksInOrder, readRange, wholePart, type WholePart} from './read-range.ts';
import {policiesOf, rowsAsked} from './policies.ts';
import type {EngineOptions} from './options.ts';

export type Selected = {
  readonly profile: Profile | undefined;
  /** In byte order of the names. */
  readonly shapes: readonly TableShape[];
};

/**
 * The tables to replicate: those named, else those of the profile named or recognised.
 *
 * @param wholeRows Tables to be compared by whole rows in any case, where keyless tables are.
 * @throws {EngineError} `TABLE_NOT_FOUND`, `PROFILE_NOT_FOUND`, `NO_KEY`, `KEY_UNUSABLE`, and `USAGE`
 * where nothing says which tables, `CONFIG_INVALID` for one that records migrations.
 */
export async function selectTables(
  view: View,
  options: EngineOptions,
  wholeRows?: ReadonlySet<string>,
): Promise<Selected> {
  const schema = await view.schema();
  const profile = profileOf(schema, options);
  const policies = policiesOf(profile, options);
  const requests = requestsOf(profile, options, schema.tables).filter(
    ({table}) => policies(table).policy !== 'off',
  );
  if (requests.length === 0) throw allOff();
  refuseRecords(
    requests.map(({table}) => table),
    schema,
    options.migrations,
  );
  const marked = await markKeyless(view, requests, options.keyless, wholeRows);
  const shapes = marked.map((request) => {
    const table = schema.tables.get(request.table);
    if (table === undefined) throw tableNotFound(request.table, [...schema.tables.keys()]);
    const shape = shapeTable(table, request);
    const only = rowsAsked(policies(request.table), table, shape.key);
    return only.length === 0 ? shape : {...shape, only};
  });
  return {profile, shapes: shapes.sort((a, b) => compareNames(a.table, b.table))};
}

/** Tables that are named, or those of the profile and those that policies speak of. */
function requestsOf(
  profile: Profile | undefined,
  {tables, policies}: EngineOptions,
  present: ReadonlyMap<string, unknown>,
): readonly TableRequest[] {
  if (tables !== undefined) return namedRequests(tables, profile);
  const spoken = namedRequests([...(policies?.keys() ?? [])], profile);
  if (profile === undefined && spoken.length > 0) return spoken;
  const known = profileRequests(profile, present);
  const ofProfile = new Set(profile?.tables.map(({table}) => table));
  return [...known, ...spoken.filter(({table}) => !ofProfile.has(table))];
}

function allOff(): EngineError {
  return new EngineError('CONFIG_INVALID', 'every table is off: nothing would be replicated', {
    hint: 'Give at least one table a policy other than off.',
  });
}

function profileOf(schema: DatabaseSchema, options: EngineOptions): Profile | undefined {
  if (options.profile !== undefined) return profileNamed(options.profile);
  return options.application === undefined
    ? recognise(schema)
    : applicationNamed(options.application);
}

function profileRequests(
  profile: Profile | undefined,
  tables: ReadonlyMap<string, unknown>,
): readonly TableRequest[] {
  if (profile !== undefined && profile.tables.length > 0) return presentIn(profile, tables);
  throw new EngineError('USAGE', 'no profile recognises this database, and no tables were named', {
    hint: 'Name the tables to replicate, for example --tables customer,invoice.',
  });
}

function presentIn(
  profile: Profile,
  tables: ReadonlyMap<string, unknown>,
): readonly TableRequest[] {
  const present = profile.tables.flatMap((request) => {
    if (!tables.has(request.table)) return [];
    return [request];
  });
  if (present.length > 0) return present;
  throw new EngineError(
    'CONFIG_INVALID',
    `this database has none of the tables of profile "${profile.name}"`,
    {
      hint: 'Check --database and --profile.',
    },
  );
}

/** A table that is named is treated as its profile says, where one knows it. */
function namedRequests(
  names: readonly string[],
  profile: Profile | undefined,
): readonly TableRequest[] {
  return [...new Set(names)].map(
    (table) => profile?.tables.find((request) => request.table === table) ?? {table},
  );
}

export function tableNotFound(table: string, known: readonly string[]): EngineError {
  const shown = known.slice(0, 12).join(', ') + (known.length > 12 ? ', …' : '');
  return new EngineError('TABLE_NOT_FOUND', `there is no table "${table}" in this database`, {
    site: {table},
    hint: known.length === 0 ? 'It has no tables at all.' : `Its tables: ${shown}.`,
  });
}

/** What is done with what is read. */
export type Reads = {
  /** Keeps the chunks. */
  readonly keep?: Keep | undefined;
  /** Chunks that are known are not made again where their rows are what they were. Learns what is found. */
  readonly known?: KnownChunks | undefined;
};

/** Reads tables one after another in one view; large ones by several threads. */
export async function readTables(
  view: View,
  shapes: readonly TableShape[],
  options: EngineOptions,
  {keep, known}: Reads = {},
): Promise<ReadonlyMap<string, TableContent>> {
  const contents = new Map<string, TableContent>();
  const parallel = new ParallelRead(view.beside, keep);
  try {
    for (const shape of shapes) {
      const prints = known && view.prints(shape);
      const own = ownReader(view, shape, options, {keep, prints});
      const before = prints === undefined ? [] : (known?.of(shape, prints) ?? []);
      const chunks = await readChunks(parallel, own, before);
      if (prints !== undefined) known?.note(shape, prints, chunks);
      const entries = chunks.map(({entry}) => entry);
      contents.set(shape.table, tableContent(shape, entries));
    }
  } finally {
    await parallel.close();
  }
  return contents;
}

/** By several threads, or by one alone, which may begin at no row but the first and so loses none. */
async function readChunks(
  parallel: ParallelRead,
  own: OwnReader,
  known: readonly PrintedChunk[],
): Promise<readonly PrintedChunk[]> {
  const shared = await parallel.read(own, known);
  if (shared !== undefined) return shared;
  const found = chunksInOrder([await readWhole(own, known)]);
  if (found !== undefined) return found;
  const {chunks} = await readWhole(own, []); // says what is wrong
  return chunks;
}

async function readWhole(own: OwnReader, expected: readonly PrintedChunk[]): Promise<WholePart> {
  const asked = {range: {from: undefined, to: undefined}, expected};
  return wholePart(must(await readRange(own, asked), 'nothing is before the first row'), asked);
}

function ownReader(
  view: View,
  shape: TableShape,
  options: EngineOptions,
  {keep, prints}: {readonly keep: Keep | undefined; readonly prints: Prints | undefined},
): OwnReader {
  const onRows = rowsRead(shape.table, options);
  const sink: ChunkSink | undefined =
    keep &&
    ((entry, bytes) => (keep.known.has(entry.digest) ? undefined : keep.write(entry, bytes)));
  return {
    view,
    shape,
    prints,
    sink,
    isKept: (digest) => keep?.known.has(digest) ?? true,
    watched: (pages) => watchedBy(pages, onRows),
    passed: async (rows) => {
      await setImmediate();
      onRows(rows);
    },
    onRows,
  };
}

/** Reports progress, and stops where the call was interrupted. */
function rowsRead(table: string, {progress, signal}: EngineOptions): (rows: number) => void {
  let done = 0;
  return (rows) => {
    if (signal?.aborted) throw interrupted();
    done += rows;
    progress(`reading ${table}`, done, 0);
  };
}

/** Reports progress page by page, and stops where the call was interrupted. */
export function watched<T>(
  pages: AsyncIterable<readonly T[]>,
  table: string,
  options: EngineOptions,
): AsyncGenerator<readonly T[]> {
  return watchedBy(pages, rowsRead(table, options));
}

async function* watchedBy<T>(
  pages: AsyncIterable<readonly T[]>,
  onRows: (rows: number) => void,
): AsyncGenerator<readonly T[]> {
  for await (const page of pages) {
    await setImmediate(); // lets signals and other work in: reading SQLite yields to nothing else
    onRows(page.length);
    yield page;
  }
}

/** Lets signals and other work in, and stops where the call was interrupted. */
export async function listen({signal}: Pick<EngineOptions, 'signal'>): Promise<void> {
  await setImmediate();
  if (signal?.aborted) throw interrupted();
}

export function interrupted(): EngineError {
  return new EngineError('INTERRUPTED', 'interrupted', {
    hint: 'Nothing was left half done; run it again.',
  });
}
