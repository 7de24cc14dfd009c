/** What two databases declare otherwise of one table, in words for people. */
import {aspectsOf, type Aspect, type AspectKind} from './aspects.ts';
import {asciiLower, compareNames} from './names.ts';
import type {TableSchema} from './table-schema.ts';

export type SchemaDifference = {
  readonly table: string;
  readonly kind: AspectKind;
  /** The column, or the columns of the constraint, or the condition. Empty for the key. */
  readonly name: string;
  /** What is declared, or `declared` where the name says it all; undefined where it is not there. */
  readonly here: string | undefined;
  readonly there: string | undefined;
};

/**
 * All differences between two tables, columns first, each kind in order of the names: none exactly where the
 * fingerprints are equal. Of a column that one side lacks, nothing else is told.
 */
export function schemaDifferences(
  here: TableSchema,
  there: TableSchema,
): readonly SchemaDifference[] {
  const [ours, theirs] = [declaredBy(here), declaredBy(there)];
  const differing = [...new Set([...ours.keys(), ...theirs.keys()])].filter(
    (subject) => ours.get(subject)?.meaning !== theirs.get(subject)?.meaning,
  );
  const found = differing.map((subject): SchemaDifference => {
    const [mine, other] = [ours.get(subject), theirs.get(subject)];
    const {kind = 'column', name = ''} = mine ?? other ?? {};
    return {table: here.name, kind, name, here: mine?.says, there: other?.says};
  });
  const lone = new Set(found.filter(isLoneColumn).map(({name}) => asciiLower(name)));
  return found
    .filter(
      (one) => isLoneColumn(one) || !OF_COLUMNS.has(one.kind) || !lone.has(asciiLower(one.name)),
    )
    .sort(inOrder);
}

const KINDS: readonly AspectKind[] = [
  'column',
  'affinity',
  'not null',
  'default',
  'collation',
  'generated',
  'key',
  'unique',
  'foreign key',
  'check',
];
const OF_COLUMNS: ReadonlySet<AspectKind> = new Set(KINDS.slice(0, KINDS.indexOf('key')));

type Declared = Pick<Aspect, 'kind' | 'name' | 'says'> & {
  /** What is compared: as `says`, names in lower case. */
  readonly meaning: string;
};

/** By kind and name in lower case. Two constraints may be about the same. */
function declaredBy(schema: TableSchema): ReadonlyMap<string, Declared> {
  const folded = aspectsOf(schema, asciiLower);
  const pairs = aspectsOf(schema).map((aspect, at) => ({aspect, folded: folded[at] ?? aspect}));
  const groups = Map.groupBy(pairs, ({folded: {kind, name}}) => JSON.stringify([kind, name]));
  return new Map(
    [...groups].map(([subject, same]) => {
      const {kind, name} = same[0]?.aspect ?? {kind: 'column', name: ''};
      const told = same.map(({aspect}) => aspect.says || 'declared');
      const meanings = same.map(({folded: {says}}) => says);
      return [subject, {kind, name, says: distinct(told), meaning: distinct(meanings)}];
    }),
  );
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].sort(compareNames).join(' and ');
}

function isLoneColumn({kind, here, there}: SchemaDifference): boolean {
  return kind === 'column' && (here === undefined || there === undefined);
}

function inOrder(a: SchemaDifference, b: SchemaDifference): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || compareNames(a.name, b.name);
}
