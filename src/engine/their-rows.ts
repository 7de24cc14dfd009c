/** Rows of a snapshot looked up one at a time: by key, and by the values that others refer to. */
import type {CanonicalRow} from '../kernel/row.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds, type Tables} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';

type Table = {readonly shape: TableShape; readonly chunks: readonly ChunkEntry[]};

/** Chunks are fetched as they are asked for. */
export class TheirRows {
  readonly #reader: SnapshotReader;
  readonly #snapshot: Snapshot;
  readonly #tables = new Map<string, Table | undefined>();
  readonly #values = new Map<ForeignKey, ReadonlyMap<string, CanonicalRow>>();

  constructor(reader: SnapshotReader, snapshot: Snapshot) {
    this.#reader = reader;
    this.#snapshot = snapshot;
  }

  /** The row of this key; undefined where there is none. */
  async row(name: string, key: string): Promise<CanonicalRow | undefined> {
    const table = await this.#table(name);
    const entry = table?.chunks.findLast(({first}) => first <= key);
    if (table === undefined || entry === undefined) return undefined;
    await this.#reader.fetch(this.#snapshot, [entry.digest]);
    return this.#reader.rows(table.shape, entry).find((row) => row.key === key);
  }

  /** The row that a reference of this value is to. The first question about a reference reads the table. */
  async referred(
    schema: Tables,
    key: ForeignKey,
    value: string,
  ): Promise<CanonicalRow | undefined> {
    const known = this.#values.get(key) ?? (await this.#referredBy(schema, key));
    this.#values.set(key, known);
    return known.get(value);
  }

  /** All rows of a table, in key order. */
  async *rows(name: string): AsyncGenerator<CanonicalRow> {
    const table = await this.#table(name);
    if (table === undefined) return;
    await this.#reader.fetch(
      this.#snapshot,
      table.chunks.map(({digest}) => digest),
    );
    for (const entry of table.chunks) yield* this.#reader.rows(table.shape, entry);
  }

  async #referredBy(schema: Tables, key: ForeignKey): Promise<ReadonlyMap<string, CanonicalRow>> {
    const values = new Map<string, CanonicalRow>();
    const shape = (await this.#table(key.parent))?.shape;
    if (shape === undefined) return values;
    const folds = referenceFolds(schema, key);
    for await (const row of this.rows(key.parent)) {
      const value = tuple(shape, key.parentColumns, row, folds);
      if (value !== undefined) values.set(value, row);
    }
    return values;
  }

  async #table(name: string): Promise<Table | undefined> {
    if (this.#tables.has(name)) return this.#tables.get(name);
    const table = this.#snapshot.manifest.tables.find((one) => one.name === name);
    const known = table && {
      shape: shapeOf(table),
      chunks: await this.#reader.chunks(this.#snapshot, table),
    };
    this.#tables.set(name, known);
    return known;
  }
}
