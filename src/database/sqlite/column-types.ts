/** What SQLite and people make of a declared type. */
import {affinityOf, type Affinity} from '../../schema/affinity.ts';
import {asciiUpper} from '../../schema/names.ts';
import type {LogicalType} from '../../schema/table-schema.ts';

/** STRICT tables take their types as they are; ANY holds everything there, and is a number elsewhere. */
export function affinityIn(declared: string, strict: boolean): Affinity {
  return strict && /^ANY$/i.test(declared) ? 'none' : affinityOf(declared);
}

/** What a declared type means to people, which SQLite itself does not enforce. */
export function logicalType(declared: string): LogicalType {
  const type = asciiUpper(declared);
  if (type.includes('BOOL')) return 'boolean';
  if (/DATETIME|TIMESTAMP/.test(type)) return 'datetime';
  if (/^DATE\b/.test(type)) return 'date';
  if (/^TIME\b/.test(type)) return 'time';
  if (/JSON/.test(type)) return 'json';
  if (/UUID/.test(type)) return 'uuid';
  if (/DECIMAL/.test(type)) return 'decimal';
  const affinity = affinityOf(declared);
  if (affinity === 'none') return type.includes('BLOB') ? 'blob' : 'any';
  return affinity === 'numeric' && type === 'ANY' ? 'any' : affinity;
}
