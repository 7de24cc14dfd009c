/** The way back: change sets that can be undone, and what an undo holds back. */
import {z} from 'zod';
import {sql, type Kysely} from '../database/sqlite/local.ts';
import {must} from '../kernel/assert.ts';
import {UNDO_RECORDS_MAX} from '../kernel/limits.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import {addChangeset, partsOf, type Intended, type Write} from './changeset.ts';
import {conflictsSchema, replaceConflicts, type StoredConflict} from './conflicts.ts';
import {jsonOf} from './json.ts';
import {distrustPosition, now, placePosition, reached, type NewPosition} from './position-row.ts';
import type {StateTables} from './schema.ts';

/** An applied change set; its body, with its parts, says what was written. */
export type UndoRecord = NewPosition & {
  readonly id: number;
  readonly at: string;
  readonly body: string;
  /** Where the database stood before it; null for nowhere yet, undefined where an older release did not note it. */
  readonly previous: NewPosition | null | undefined;
  /** Not 0 once database or state were put back from a copy: it may not be the last apply. */
  readonly doubted: number;
};

/** An applied change set as an audit reads it. */
export type AuditRecord = Pick<UndoRecord, 'id' | 'at' | keyof Position | 'manifest'> & {
  /** Null where it is longer, with its parts, than was asked for. */
  readonly body: string | null;
  /** Rows that the body has no room for. */
  readonly parts: readonly string[];
  /** Characters of it and its parts. */
  readonly size: number;
};

/** Until when a replica stays as an undo left it: a newer snapshot than this, or `resume`. */
export type Hold = Position & {
  /** When it was undone, ISO 8601; for people. */
  readonly since: string;
};

type Previous = NewPosition & {readonly conflicts: readonly StoredConflict[]};

export class UndoRecords {
  readonly #db: Kysely<StateTables>;
  readonly #write: Write;

  constructor(db: Kysely<StateTables>, write: Write) {
    this.#db = db;
    this.#write = write;
  }

  /** The change set that was applied last and not undone; undefined where none is kept. */
  async newest(): Promise<UndoRecord | undefined> {
    for await (const record of this.kept()) return record;
    return undefined;
  }

  /** The change sets that were applied and not undone, the last one first; one at a time, as they may be large. */
  async *kept(): AsyncGenerator<UndoRecord> {
    for (let below = Number.MAX_SAFE_INTEGER; ;) {
      const row = await this.#db
        .selectFrom('changeset')
        .selectAll()
        .where('status', '=', 'applied')
        .where('id', '<', below)
        .orderBy('id', 'desc')
        .executeTakeFirst();
      if (row === undefined) return;
      yield {...row, previous: decodePrevious(row.previous)};
      below = row.id;
    }
  }

  /** The last change set applied and not undone, of those up to `id`; its body only where that has up to so many characters, with its parts. */
  async upTo(id: number, charsMax: number): Promise<AuditRecord | undefined> {
    // At one moment, as another process may drop it.
    return this.#db.transaction().execute(async (tx) => {
      const row = await headOf(tx, id, charsMax);
      if (row === undefined) return undefined;
      const parts: string[] = [];
      if (row.body !== null) for await (const part of partsOf(tx, row.id)) parts.push(part);
      return {...row, parts};
    });
  }

  /** Number of the last change set applied and not undone, of those up to `id`; 0 for none. Reads nothing of what was written. */
  async lastUpTo(id: number = Number.MAX_SAFE_INTEGER): Promise<number> {
    const row = await this.#db
      .selectFrom('changeset')
      .select(({fn}) => fn.max('id').as('id'))
      .where('status', '=', 'applied')
      .where('id', '<=', id)
      .executeTakeFirst();
    return row?.id ?? 0;
  }

  /** Records durably that this change set is about to be undone, by writing that. */
  async intend(record: UndoRecord, intended: Intended): Promise<number> {
    const values = {...reached(record), undoes: record.id};
    return addChangeset(this.#write, values, intended);
  }

  /** The rows of a change set that its body has no room for, part by part. */
  parts({id}: {readonly id: number}): AsyncIterable<string> {
    return partsOf(this.#db, id);
  }

  /**
   * The intended undo happened: its change set goes, the position returns to where it was before, to be compared,
   * and the replica is held.
   */
  async finish(intent: number): Promise<void> {
    await this.#write(async (tx) => {
      const undone = await undoneBy(tx, intent);
      await hold(tx, undone);
      await tx.deleteFrom('changeset').where('id', 'in', [intent, undone.id]).execute();
      const previous = decodePrevious(undone.previous);
      const waited = previous?.conflicts ?? [];
      await replaceConflicts(
        tx,
        waited.map((conflict) => ({...conflict, take: null})),
      );
      if (previous === undefined) await distrustPosition(tx);
      else if (previous === null) await tx.deleteFrom('position').execute();
      else await placePosition(tx, previous, false);
    });
  }

  /** Nobody knows whether the intended undo happened: nothing is taken for known, and nothing is applied unasked. */
  async doubt(intent: number): Promise<void> {
    await this.#write(async (tx) => {
      await hold(tx, await undoneBy(tx, intent));
      await tx.deleteFrom('changeset').where('id', '=', intent).execute();
      await distrustPosition(tx, false);
    });
  }

  async held(): Promise<Hold | undefined> {
    const row = await this.#db.selectFrom('hold').selectAll().executeTakeFirst();
    if (row === undefined) return undefined;
    const {lineage, epoch, sequence, digest, since} = row;
    return {lineage, epoch, sequence, digest, since};
  }

  /** Nothing is held back any more. */
  async release(): Promise<void> {
    await this.#write((tx) => tx.deleteFrom('hold').execute());
  }
}

/** The last change set applied and not undone, of those up to `id`, without its parts. */
async function headOf(
  tx: Kysely<StateTables>,
  id: number,
  charsMax: number,
): Promise<Omit<AuditRecord, 'parts'> | undefined> {
  return tx
    .selectFrom('changeset')
    .select(['id', 'at', 'lineage', 'epoch', 'sequence', 'digest', 'manifest'])
    .select(sizeOf.as('size'))
    .select(({eb}) => eb.case().when(sizeOf, '<=', charsMax).then(eb.ref('body')).end().as('body'))
    .where('status', '=', 'applied')
    .where('id', '<=', id)
    .orderBy('id', 'desc')
    .executeTakeFirst();
}

/** Of a change set, in characters. */
const sizeOf = sql<number>`length(body)
  + (SELECT coalesce(sum(length(rows)), 0) FROM changeset_part WHERE changeset = changeset.id)`;

async function undoneBy(tx: Kysely<StateTables>, intent: number): Promise<UndoRecordRow> {
  const row = await tx
    .selectFrom('changeset as undone')
    .innerJoin('changeset as undo', 'undo.undoes', 'undone.id')
    .where('undo.id', '=', intent)
    .selectAll('undone')
    .executeTakeFirst();
  return must(row, 'an undo is intended of a change set that is kept');
}

type UndoRecordRow = Position & {readonly id: number; readonly previous: string | null};

/** Holds back the newest of what is undone, what was undone before, and where the database stood. */
async function hold(tx: Kysely<StateTables>, undone: Position): Promise<void> {
  const rivals: readonly (Position | undefined)[] = [
    await tx.selectFrom('hold').selectAll().executeTakeFirst(),
    await tx.selectFrom('position').selectAll().executeTakeFirst(),
  ];
  const {lineage, epoch, sequence, digest} = rivals.reduce<Position>(newerOf, undone);
  await tx.deleteFrom('hold').execute();
  const values = {one: 1, lineage, epoch, sequence, digest, since: now()};
  await tx.insertInto('hold').values(values).execute();
}

function newerOf(known: Position, rival: Position | undefined): Position {
  if (rival?.lineage !== known.lineage) return known;
  return comparePositions(rival, known) > 0 ? rival : known;
}

/** The position before an apply and the conflicts that there were, as they are kept with its change set. */
export function encodePrevious(
  position: NewPosition | undefined,
  conflicts: readonly StoredConflict[],
): string {
  if (position === undefined) return 'null';
  const {lineage, epoch, sequence, digest, author, manifest, domains = null} = position;
  const text = Buffer.from(manifest).toString('base64');
  const before = {lineage, epoch, sequence, digest, author, manifest: text, domains};
  return JSON.stringify({...before, conflicts});
}

/** What got damaged counts as not noted: then nothing is taken for known, and all rows are compared. */
export function decodePrevious(text: string | null): Previous | null | undefined {
  const parsed = previousSchema.safeParse(jsonOf(text));
  if (!parsed.success) return undefined;
  return parsed.data && {...parsed.data, manifest: Buffer.from(parsed.data.manifest, 'base64')};
}

const previousSchema = z
  .strictObject({
    lineage: z.string(),
    epoch: z.int().min(1),
    sequence: z.int().min(1),
    digest: z.string(),
    author: z.string(),
    manifest: z.base64(),
    domains: z.string().nullable().default(null),
    conflicts: conflictsSchema.default([]),
  })
  .nullable();

/** Keeps as many as are of use. */
export async function dropExpired(tx: Kysely<StateTables>): Promise<void> {
  const kept = tx
    .selectFrom('changeset')
    .select('id')
    .orderBy('id', 'desc')
    .limit(UNDO_RECORDS_MAX);
  await tx.deleteFrom('changeset').where('id', 'not in', kept).execute();
}
