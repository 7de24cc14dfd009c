/** What was read from a source → its manifest. */
import stringify from 'fast-json-stable-stringify';
import type {Digest} from '../canonical/digest.ts';
import type {WireCell} from '../kernel/row.ts';
import {fingerprintOf} from '../schema/fingerprint.ts';
import {compareNames} from '../schema/names.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {rootDigest, type TableContent} from '../snapshot/content.ts';
import {folderDepth} from '../snapshot/layout.ts';
import {checkManifestSize} from '../snapshot/manifest-size.ts';
import type {Manifest, ManifestSource, ManifestTable, Violations} from '../snapshot/manifest.ts';
import {paginate, type Page} from '../snapshot/pages.ts';

export type CapturedTable = {
  readonly shape: TableShape;
  readonly schema: TableSchema;
  readonly content: TableContent;
  readonly counter: WireCell | undefined;
  readonly violations: readonly Violations[] | undefined;
};

/** A source as it was read: where it comes from, and its tables in byte order of their names. */
export class Captured {
  readonly source: ManifestSource;
  readonly tables: readonly CapturedTable[];

  constructor(source: ManifestSource, tables: readonly CapturedTable[]) {
    this.source = source;
    this.tables = tables;
  }

  /** Digests of all objects of a snapshot of it. */
  objects(pages: readonly Page[]): ReadonlySet<Digest> {
    const chunks = this.tables.flatMap(({content}) => content.chunks.map((chunk) => chunk.digest));
    return new Set([...chunks, ...pages.map((page) => page.entry.digest)]);
  }
}

type Head = Pick<Manifest, 'lineage' | 'epoch' | 'sequence' | 'author' | 'parent'>;

/** @throws {EngineError} `VALUE_UNSUPPORTED` where its lists would be too long to be read again. */
export function makeManifest(
  captured: Captured,
  head: Head,
): {readonly manifest: Manifest; readonly pages: readonly Page[]} {
  const pages: Page[] = [];
  const tables = captured.tables.map((table) => {
    const listed = listTable(table);
    pages.push(...listed.pages);
    return listed.entry;
  });
  checkManifestSize(tables, pages);
  const manifest = {
    ...head,
    created: new Date().toISOString(),
    source: captured.source,
    depth: folderDepth(captured.objects(pages).size),
    root: rootDigest(tables),
    tables,
  };
  return {manifest, pages};
}

/** A table as a manifest lists it, and the index pages that hold the list of its chunks where that is long. */
export function listTable(table: CapturedTable): {
  readonly entry: ManifestTable;
  readonly pages: readonly Page[];
} {
  const listed = paginate(table.content.chunks);
  if ('chunks' in listed) return {entry: manifestTable(table, listed), pages: []};
  const pages = listed.pages.map((page) => page.entry);
  return {entry: manifestTable(table, {pages}), pages: listed.pages};
}

function manifestTable(
  table: CapturedTable,
  listed: Pick<ManifestTable, 'chunks' | 'pages'>,
): ManifestTable {
  const {shape, schema, content, counter, violations} = table;
  const captured = new Set(shape.columns.map((column) => column.name));
  const declared = new Map(schema.columns.map((column) => [column.name, column]));
  return {
    name: shape.table,
    columns: shape.columns.map(({name, type}) => ({
      name,
      type,
      declared: declared.get(name)?.declared ?? '',
      notNull: declared.get(name)?.notNull ?? false,
    })),
    omitted: schema.columns
      .map((column) => column.name)
      .filter((name) => !captured.has(name))
      .sort(compareNames),
    key: {kind: shape.keyKind, columns: shape.key},
    fingerprint: fingerprintOf(schema),
    rows: content.rows,
    digest: content.digest,
    ...listed,
    ...(shape.only === undefined ? {} : {where: shape.only}),
    ...(counter === undefined ? {} : {counter}),
    ...(violations === undefined ? {} : {violations}),
  };
}

/** True where a snapshot already says all that matters of the source: rows, columns, version. */
export function sameContent(manifest: Manifest, captured: Captured): boolean {
  const now = makeManifest(captured, manifest).manifest;
  return essence(now) === essence(manifest);
}

function essence({source, root, tables}: Manifest): string {
  const shapes = tables.map(({name, columns, key, fingerprint, where = []}) => ({
    name,
    columns,
    key,
    fingerprint,
    where,
  }));
  return stringify({source, root, shapes});
}
