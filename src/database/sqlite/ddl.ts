/** Reads from DDL the little that pragmas hide, by tokens: white space, comments and quoting do not matter. */

/** SQLite compares names and keywords by ASCII letters alone. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export function asciiUpper(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

type Token = {
  readonly text: string;
  readonly word: boolean;
  readonly quoted: boolean;
  /** Where it begins and ends in the text. */
  readonly from: number;
  readonly to: number;
};

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|([A-Za-z_\u0080-\u{10FFFF}][A-Za-z0-9_$\u0080-\u{10FFFF}]*)|[^\s]/gu;

function tokens(ddl: string): readonly Token[] {
  const out: Token[] = [];
  for (const match of ddl.matchAll(TOKEN)) {
    const [text, double, back, bracket, word] = match;
    if (text.startsWith('--') || text.startsWith('/*')) continue;
    const single = text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : undefined;
    const name = double?.replaceAll('""', '"') ?? back?.replaceAll('``', '`') ?? bracket ?? single;
    const quoted = name !== undefined;
    const from = match.index;
    const place = {from, to: from + text.length};
    out.push({text: name ?? word ?? text, word: word !== undefined, quoted, ...place});
  }
  return out;
}

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

function isWord(token: Token | undefined, keyword: string): boolean {
  return token !== undefined && token.word && asciiUpper(token.text) === keyword;
}

const TABLE_CONSTRAINTS = ['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN'];

/** Declared collations of a table's columns, by lower-case name; columns without one are left out. */
export function columnCollations(tableDdl: string): ReadonlyMap<string, string> {
  const collations = new Map<string, string>();
  for (const definition of definitions(tokens(tableDdl))) {
    const [name] = definition;
    if (name === undefined || TABLE_CONSTRAINTS.some((word) => isWord(name, word))) continue;
    const at = definition.findLastIndex((token) => isWord(token, 'COLLATE')); // the last one counts
    const collation = at < 0 ? undefined : definition[at + 1];
    if (collation !== undefined) collations.set(asciiLower(name.text), collation.text);
  }
  return collations;
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
  const marks = before.filter((token) => !token.quoted).map(({text}) => text);
  return marks.filter((m) => m === '(').length === marks.filter((m) => m === ')').length;
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
    const mark = token.quoted ? '' : token.text;
    if (mark === ')') depth--;
    if (depth === 1 && mark === ',') found.push([]);
    else if (depth === 1) found.at(-1)?.push(token);
    if (mark === '(') depth++;
    if (depth === 1 && found.length === 0) found.push([]);
    if (depth === 0 && found.length > 0) break;
  }
  return found;
}
