/** What SQLite and people make of a declared type. */
import {asciiUpper} from '../../schema/names.ts';
import type {LogicalType} from '../../schema/table-schema.ts';

/** How SQLite treats values on their way into a column. */
export type Affinity = 'integer' | 'numeric' | 'real' | 'text' | 'none';

/** SQLite's own rules for a declared type (https://sqlite.org/datatype3.html, section 3.1). */
export function affinityOf(declared: string, strict: boolean): Affinity {
  const type = asciiUpper(declared);
  if (strict && type === 'ANY') return 'none';
  if (type.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text';
  if (type === '' || type.includes('BLOB')) return 'none';
  if (/REAL|FLOA|DOUB/.test(type)) return 'real';
  return 'numeric';
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
  const affinity = affinityOf(declared, false);
  if (affinity === 'none') return type.includes('BLOB') ? 'blob' : 'any';
  return affinity === 'numeric' && type === 'ANY' ? 'any' : affinity;
}
