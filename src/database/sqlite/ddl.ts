/** Reads from DDL the little that pragmas hide, by tokens: white space, comments and quoting do not matter. */

type Token = {readonly text: string; readonly word: boolean};

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|([\p{L}_$][\p{L}\p{N}_$]*)|[^\s]/gu;

export function tokens(ddl: string): readonly Token[] {
  const out: Token[] = [];
  for (const match of ddl.matchAll(TOKEN)) {
    const [text, double, back, bracket, word] = match;
    if (text.startsWith('--') || text.startsWith('/*')) continue;
    const name = double?.replaceAll('""', '"') ?? back?.replaceAll('``', '`') ?? bracket;
    out.push({text: name ?? word ?? text, word: word !== undefined});
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
    if (target !== undefined) written.add(target.toLowerCase());
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
  return token !== undefined && token.word && token.text.toUpperCase() === keyword;
}
