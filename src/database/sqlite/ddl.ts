/** Reads from DDL the little that pragmas hide, by tokens: white space, comments and quoting do not matter. */

/** SQLite compares names and keywords by ASCII letters alone. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export function asciiUpper(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

type Token = {readonly text: string; readonly word: boolean; readonly quoted: boolean};

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
    out.push({text: name ?? word ?? text, word: word !== undefined, quoted});
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

/** What stands between the commas of a table's body, without what is in further parentheses. */
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
