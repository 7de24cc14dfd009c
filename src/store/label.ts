/** Labels as stores list them: anyone who can write to a store can write there what they like. */
import {LABEL_CHARS_MAX} from '../kernel/limits.ts';
import type {SnapshotLabel} from './port.ts';

type Unchecked = {readonly [Field in keyof SnapshotLabel]?: unknown};

const DIGEST = /^[0-9a-f]{1,64}$/;
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** The label of these fields, or undefined where one is missing or nothing that a writer gives. */
export function labelOf(fields: Unchecked): SnapshotLabel | undefined {
  const {lineage, epoch, sequence, digest, author, parent} = fields;
  if (!isName(lineage) || !isName(author)) return undefined;
  if (!isCount(epoch) || !isCount(sequence) || !isDigest(digest)) return undefined;
  if (parent !== undefined && !isDigest(parent)) return undefined;
  return {lineage, epoch, sequence, digest, author, parent};
}

/** A moment as ISO 8601; undefined for what is no moment. */
export function isoTime(time: unknown): string | undefined {
  const parsed = typeof time === 'string' ? new Date(time) : undefined;
  return parsed === undefined || Number.isNaN(parsed.getTime()) ? undefined : parsed.toISOString();
}

/** Names are shown to people, at a terminal that takes commands within text. */
function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > LABEL_CHARS_MAX) return false;
  return value.isWellFormed() && !UNPRINTABLE.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}
