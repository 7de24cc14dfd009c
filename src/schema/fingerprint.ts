/** Fingerprint of a table's schema: equal for a database born in a release and one upgraded into it. */
import stringify from 'fast-json-stable-stringify';
import {digestOf} from '../canonical/digest.ts';
import {aspectsOf} from './aspects.ts';
import {asciiLower, compareNames} from './names.ts';
import type {TableSchema} from './table-schema.ts';

/**
 * Covers all that a table declares (see `aspectsOf`), never DDL text. The prefix names the rule, so that a later rule
 * cannot be mistaken for this one.
 */
export function fingerprintOf(schema: TableSchema): string {
  const known = made.get(schema) ?? madeOf(schema);
  made.set(schema, known);
  return known;
}

/** A guard asks again under the write lock, about the same schema as long as that stays. */
const made = new WeakMap<TableSchema, string>();

function madeOf(schema: TableSchema): string {
  const aspects = aspectsOf(schema, asciiLower).map(({kind, name, says}) =>
    JSON.stringify([kind, name, says]),
  );
  return `f2:${digestOf(`[${[...new Set(aspects)].sort(compareNames).join(',')}]`)}`;
}

/** The rule before: columns by name (declared type, NOT NULL, generated) and the key. */
function formerFingerprintOf(schema: TableSchema): string {
  const columns = schema.columns
    .map(({name, declared, notNull, generated}) => ({name, declared, notNull, generated}))
    .sort((a, b) => compareNames(a.name, b.name));
  const key = schema.primaryKey.map(({name, collation}) => ({name, collation}));
  return 'f1:' + digestOf(stringify({columns, key}));
}

/**
 * Whether a table is declared as a fingerprint says, by the rule that the fingerprint was made by: snapshots of
 * earlier releases stay applicable. Undefined for one of a rule that is not known here.
 */
export function hasFingerprint(schema: TableSchema, fingerprint: string): boolean | undefined {
  if (fingerprint.startsWith('f2:')) return fingerprint === fingerprintOf(schema);
  if (fingerprint.startsWith('f1:')) return fingerprint === formerFingerprintOf(schema);
  return undefined;
}
