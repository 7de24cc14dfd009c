/** What a snapshot's source declares otherwise of a table, as far as its manifest tells: columns and the key. */
import type {SchemaDifference} from '../schema/differences.ts';
import {compareNames} from '../schema/names.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {ManifestTable} from '../snapshot/manifest.ts';

/** Of columns that do not travel, only whether they are there is known. */
export function manifestDifferences(
  here: TableSchema,
  there: ManifestTable,
): readonly SchemaDifference[] {
  const table = here.name;
  const ours = new Map(here.columns.map((column) => [column.name, column]));
  const theirs = new Map(there.columns.map((column) => [column.name, column]));
  const known = new Set([...theirs.keys(), ...there.omitted]);
  const names = [...new Set([...ours.keys(), ...known])].sort(compareNames);
  return names.flatMap((name): readonly SchemaDifference[] => {
    const [mine, other] = [ours.get(name), theirs.get(name)];
    if (mine === undefined)
      return [
        {
          table,
          kind: 'column',
          name,
          here: undefined,
          there: other === undefined ? 'declared' : other.declared || 'untyped',
        },
      ];
    if (!known.has(name))
      return [{table, kind: 'column', name, here: mine.declared || 'untyped', there: undefined}];
    if (other === undefined) return [];
    return [
      {
        kind: 'column' as const,
        here: mine.declared || 'untyped',
        there: other.declared || 'untyped',
      },
      {
        kind: 'not null' as const,
        here: mine.notNull ? 'NOT NULL' : undefined,
        there: other.notNull ? 'NOT NULL' : undefined,
      },
    ]
      .filter((aspect) => aspect.here !== aspect.there)
      .map((aspect) => ({table, name, ...aspect}));
  });
}
