/** Fingerprint of a table's schema: equal for a database born in a release and one upgraded into it. */
import stringify from 'fast-json-stable-stringify';
import {digestOf} from '../canonical/digest.ts';
import {compareNames} from './names.ts';
import type {TableSchema} from './table-schema.ts';

/**
 * Covers columns by name (declared type, NOT NULL, generated) and the key, never their order, never
 * DDL text. The prefix names the rule, so that a later rule cannot be mistaken for this one.
 */
export function fingerprintOf(schema: TableSchema): string {
  const columns = schema.columns
    .map(({name, declared, notNull, generated}) => ({name, declared, notNull, generated}))
    .sort((a, b) => compareNames(a.name, b.name));
  const key = schema.primaryKey.map(({name, collation}) => ({name, collation}));
  return 'f1:' + digestOf(stringify({columns, key}));
}
