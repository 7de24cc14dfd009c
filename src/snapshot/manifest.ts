/** Manifests: types and rules of a snapshot's table of contents (FORMAT.md, "Manifest"). */
import type {Digest} from '../canonical/digest.ts';
import type {WireCell} from '../kernel/row.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import type {LogicalType} from '../schema/table-schema.ts';
import type {KeyKind, ShapeKeyColumn, TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry, PageEntry} from './content.ts';

type ManifestColumn = {
  readonly name: string;
  readonly type: LogicalType;
  readonly declared: string;
  readonly notNull: boolean;
};

/** References of one foreign key that dangle in the source. A replica carries them. */
export type Violations = {
  readonly columns: readonly string[];
  readonly parent: string;
  /** How many distinct values refer to a row that is not there. */
  readonly count: number;
  /** Those values, as encoded keys; absent where there are too many to list. */
  readonly values?: readonly string[] | undefined;
};

export type ManifestTable = {
  readonly name: string;
  readonly columns: readonly ManifestColumn[];
  /** Columns of the source that do not travel: generated ones, those ignored, ids of link tables. */
  readonly omitted: readonly string[];
  readonly key: {readonly kind: KeyKind; readonly columns: readonly ShapeKeyColumn[]};
  readonly fingerprint: string;
  readonly rows: number;
  readonly digest: Digest;
  /** Exactly one of `chunks` and `pages` is there. */
  readonly chunks?: readonly ChunkEntry[] | undefined;
  readonly pages?: readonly PageEntry[] | undefined;
  /** Only rows that meet all conditions are in the snapshot. */
  readonly where?: readonly RowFilter[] | undefined;
  readonly counter?: WireCell | undefined;
  readonly violations?: readonly Violations[] | undefined;
};

export type ManifestSource = {
  readonly engine: string;
  readonly application: string | null;
  /** Names of the migrations applied to the source, sorted: a set, not a list. */
  readonly version: readonly string[];
};

export type Manifest = {
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly author: string;
  readonly parent: Digest | null;
  readonly created: string;
  readonly source: ManifestSource;
  readonly depth: number;
  readonly root: Digest;
  readonly tables: readonly ManifestTable[];
  readonly bundle?: {readonly id: string; readonly members: readonly string[]} | undefined;
};

/** How many chunks the rows of a manifest's table are in. */
export function chunksOf({chunks, pages}: ManifestTable): number {
  return chunks?.length ?? (pages ?? []).reduce((sum, page) => sum + page.chunks, 0);
}

/** The shape by which a live table is read as the snapshot holds it: of its rows, those that the snapshot is about. */
export function liveShapeOf(table: ManifestTable): TableShape {
  return table.where === undefined ? shapeOf(table) : {...shapeOf(table), only: table.where};
}

/** The shape in which the rows of a manifest's table are stored. */
export function shapeOf(table: ManifestTable): TableShape {
  return {
    table: table.name,
    columns: table.columns.map(({name, type}) => ({name, type})),
    keyKind: table.key.kind,
    key: table.key.columns,
  };
}
