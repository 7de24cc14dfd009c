/**
 * Whether the database still is the one that the records speak of. A database that was restored from an older copy
 * into the same file shows it by nothing but its rows: a few of those that the last applies wrote are looked at.
 *
 * It can show that a record is no longer true, never that it is: rows that no kept apply wrote are not looked at.
 */
import type {View} from '../database/port.ts';
import {isEngineError} from '../kernel/errors.ts';
import {EVIDENCE_ROWS_MAX} from '../kernel/limits.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {UndoRecord, UndoRecords} from '../state/undo-records.ts';
import {decodeIntent, rowsIn, type IntendedRow} from './intent.ts';
import {isReadable, rowNow} from './rows-now.ts';

export type Evidence = {
  /** True where every row that was looked at is as the last apply that wrote it left it. */
  readonly isAsLeft: boolean;
  /** True where all that some apply alone wrote is as it was before it: the database was restored, or those rows put back. */
  readonly isRestored: boolean;
};

/**
 * Looks at rows of the newest change set that led to `from`, and of those that led there one after the other, each row once,
 * up to `EVIDENCE_ROWS_MAX`. A position that was reached otherwise was reached by comparing rows, and older change sets
 * tell nothing any more. Rows of link tables, which are remade, never do.
 *
 * @param isTold True for tables whose rows tell: those in which local edits stay do not.
 */
export async function evidence(
  view: View,
  records: UndoRecords,
  from: {readonly digest: string} | undefined,
  isTold: (table: string) => boolean = () => true,
): Promise<Evidence> {
  const seen = new Set<string>();
  let [isAsLeft, isRestored] = [true, false];
  let next = from?.digest;
  for await (const record of records.kept()) {
    if (record.digest !== next || seen.size >= EVIDENCE_ROWS_MAX) break;
    next = record.previous?.digest;
    const found = await foundOf(view, record, {seen, isTold, parts: records.parts(record)});
    if (found === undefined) break; // any row may be one of its own
    if (found.some((row) => row !== 'after')) isAsLeft = false;
    if (found.length > 0 && found.every((row) => row === 'before')) isRestored = true;
  }
  return {isAsLeft, isRestored};
}

type Found = 'before' | 'after' | 'other';

/** A record that got damaged tells that something did; undefined for one whose rows were too many to be kept. */
async function foundOf(
  view: View,
  record: UndoRecord,
  looking: Looking,
): Promise<readonly Found[] | undefined> {
  try {
    return await lookAt(view, record, looking);
  } catch (error) {
    if (isEngineError(error, 'SNAPSHOT_CORRUPT')) return ['other'];
    throw error;
  }
}

type Looking = {
  readonly seen: Set<string>;
  readonly isTold: (table: string) => boolean;
  /** Rows that the record's body has no room for. */
  readonly parts: AsyncIterable<string>;
};

async function lookAt(
  view: View,
  record: UndoRecord,
  {seen, isTold, parts}: Looking,
): Promise<readonly Found[] | undefined> {
  const intent = decodeIntent(record.body);
  if (intent.rows === undefined) return undefined;
  const shapes = new Map(
    decodeManifest(record.manifest).tables.map((table) => [table.name, shapeOf(table)]),
  );
  const {tables} = await view.schema();
  const found: Found[] = [];
  for await (const rows of rowsIn(intent, parts)) {
    for (const row of rows) {
      if (seen.size >= EVIDENCE_ROWS_MAX) return found;
      const shape = shapes.get(row.table);
      const name = `${row.table}\n${row.key}`;
      if (shape?.keyKind !== 'primary' || seen.has(name) || !isTold(row.table)) continue;
      seen.add(name);
      const readable = isReadable(tables.get(row.table), shape);
      found.push(readable ? await foundNow(view, shape, row) : 'other');
    }
  }
  return found;
}

async function foundNow(view: View, shape: TableShape, row: IntendedRow): Promise<Found> {
  const now = (await rowNow(view, shape, row))?.text ?? null;
  if (now === row.after) return 'after';
  return now === row.before ? 'before' : 'other';
}
