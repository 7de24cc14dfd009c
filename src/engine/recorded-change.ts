/** A row of the record of an apply, as the change that it was. */
import {isEngineError} from '../kernel/errors.ts';
import type {RowChange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {IntendedRow} from './intent.ts';
import {recordedRow} from './rows-now.ts';

export function changeOf(
  shape: TableShape,
  {key, before, after}: IntendedRow,
): RowChange | undefined {
  const [old, now] = [before, after].map((text) =>
    text === null ? undefined : recordedRow(shape, key, text),
  );
  if (old !== undefined && now !== undefined) return {op: 'update', key, before: old, after: now};
  if (now !== undefined) return {op: 'insert', key, after: now};
  return old && {op: 'delete', key, before: old};
}

/** What is on record is told, however much of it still can be read. */
export function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    return nothingOf(error);
  }
}

/** As `unlessDamaged`, for what is read piece by piece. */
export async function intactOf<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch(nothingOf);
}

function nothingOf(error: unknown): undefined {
  if (!isEngineError(error, 'SNAPSHOT_CORRUPT', 'FORMAT_NEWER')) throw error;
}
