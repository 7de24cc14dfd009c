/** Reads from DDL the little that pragmas hide, by tokens: white space, comments and quoting do not matter. */

import {asciiLower} from '../../schema/names.ts';
import {canonical} from './expression.ts';
import {inParentheses, isMark, isWord, tokens, type Token} from './tokens.ts';

/** Tables that a trigger's body writes, in lower case, as SQLite compares names. */
export function tablesWritten(triggerDdl: string): readonly string[] {
  const all = tokens(triggerDdl);
  const body = all.slice(all.findIndex((token) => isWord(token, 'BEGIN')) + 1);
  const written = new Set<string>();
  body.forEach((token, at) => {
    const target = targetOf(token, body.slice(at + 1, at + 5));
    if (target !== undefined) written.add(asciiLower(target));
  });
  return [...written];
}

function targetOf(token: Token, rest: readonly Token[]): string | undefined {
  if (isWord(token, 'INTO')) return rest[0]?.text;
  if (isWord(token, 'DELETE') && isWord(rest[0], 'FROM')) return rest[1]?.text;
  if (!isWord(token, 'UPDATE')) return undefined;
  if (isWord(rest[0], 'SET')) return undefined; // ON CONFLICT DO UPDATE SET: the table is that of its INSERT
  return isWord(rest[0], 'OR') ? rest[2]?.text : rest[0]?.text;
}

const TABLE_CONSTRAINTS = ['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'];

/** What pragmas do not tell of a table. Columns are named in lower case. */
export type TableTexts = {
  /** Declared collations; columns without one are left out. */
  readonly collations: ReadonlyMap<string, string>;
  /** Expressions of the generated columns. */
  readonly generated: ReadonlyMap<string, string>;
  readonly checks: readonly string[];
};

/** `columns` are the table's, in lower case. */
export function tableTexts(tableDdl: string, columns: ReadonlySet<string>): TableTexts {
  const all = tokens(tableDdl);
  const collations = new Map<string, string>();
  const generated = new Map<string, string>();
  for (const definition of definitions(all)) {
    const [name] = definition;
    if (name === undefined || TABLE_CONSTRAINTS.some((word) => isWord(name, word))) continue;
    const at = definition.findLastIndex((token) => isWord(token, 'COLLATE')); // the last one counts
    const collation = at < 0 ? undefined : definition[at + 1];
    if (collation !== undefined) collations.set(asciiLower(name.text), collation.text);
    const [expression] = after(all, definition, 'AS');
    if (expression !== undefined)
      generated.set(asciiLower(name.text), canonical(expression, columns));
  }
  // Constraints of a table need no comma between them.
  const checks = definitions(all).flatMap((definition) => after(all, definition, 'CHECK'));
  return {collations, generated, checks: checks.map((check) => canonical(check, columns))};
}

/** What stands in parentheses after each of these keywords. */
function after(
  all: readonly Token[],
  definition: readonly Token[],
  keyword: string,
): readonly (readonly Token[])[] {
  return definition
    .filter((token, at) => isWord(token, keyword) && isMark(definition[at + 1], '('))
    .map((token) => inParentheses(all, all.indexOf(token) + 1));
}

/** The terms of a CREATE INDEX, as they are written, without collation and direction; and its condition. */
export type IndexTexts = {readonly terms: readonly string[]; readonly where: string | undefined};

export function indexTexts(indexDdl: string): IndexTexts {
  const all = tokens(indexDdl);
  const terms = definitions(all).map((term) => {
    const kept = withoutOrdering(term);
    return indexDdl.slice(kept[0]?.from, kept.at(-1)?.to);
  });
  const where = all.find((token, at) => isWord(token, 'WHERE') && isOutside(all.slice(0, at)));
  return {terms, where: where && indexDdl.slice(where.to)};
}

function withoutOrdering(term: readonly Token[]): readonly Token[] {
  const last = term.at(-1);
  const plain = isWord(last, 'ASC') || isWord(last, 'DESC') ? term.slice(0, -1) : term;
  return isWord(plain.at(-2), 'COLLATE') ? plain.slice(0, -2) : plain;
}

function isOutside(before: readonly Token[]): boolean {
  const count = (mark: string): number => before.filter((token) => isMark(token, mark)).length;
  return count('(') === count(')');
}

/** Numbers and texts that stand in a declaration, in CHECKs and defaults. */
export function constantsIn(ddl: string): readonly (string | number)[] {
  const constants = new Set<string | number>();
  for (const [text] of ddl.matchAll(
    /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|[A-Za-z_]\w*|\d+(?:\.\d+)?/g,
  )) {
    if (text.startsWith("'")) constants.add(text.slice(1, -1).replaceAll("''", "'"));
    else if (/^\d/.test(text)) constants.add(Number(text));
  }
  return [...constants];
}

/** What stands between the commas of a body in parentheses. */
function definitions(all: readonly Token[]): readonly (readonly Token[])[] {
  const found: Token[][] = [];
  let depth = 0;
  for (const token of all) {
    const mark = token.kind === 'mark' ? token.text : '';
    if (mark === ')') depth--;
    if (depth === 1 && mark === ',') found.push([]);
    else if (depth === 1) found.at(-1)?.push(token);
    if (mark === '(') depth++;
    if (depth === 1 && found.length === 0) found.push([]);
    if (depth === 0 && found.length > 0) break;
  }
  return found;
}
