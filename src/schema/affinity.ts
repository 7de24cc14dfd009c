/** What a declared type makes of the values that a column stores. */

export type Affinity = 'integer' | 'real' | 'numeric' | 'text' | 'none';

/** SQLite's own rules for a declared type (https://sqlite.org/datatype3.html, section 3.1). */
export function affinityOf(declared: string): Affinity {
  if (/INT/i.test(declared)) return 'integer';
  if (/CHAR|CLOB|TEXT/i.test(declared)) return 'text';
  if (declared === '' || /BLOB/i.test(declared)) return 'none';
  return /REAL|FLOA|DOUB/i.test(declared) ? 'real' : 'numeric';
}
