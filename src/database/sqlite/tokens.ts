/** SQL text as tokens, so that white space, comments and quotes do not matter. */
import {asciiUpper} from '../../schema/names.ts';

export type Token = {
  /** What it says, without its quotes. */
  readonly text: string;
  /**
   * `name` is one in backticks or brackets. What stands in double quotes is a name, or a text where no name fits;
   * what stands in single ones is a text, or a name where a text does not fit.
   */
  readonly kind: 'word' | 'name' | 'double' | 'string' | 'blob' | 'number' | 'mark';
  /** Where it begins and ends in the text. */
  readonly from: number;
  readonly to: number;
};

const WORD = '[A-Za-z_\\u0080-\\u{10FFFF}][A-Za-z0-9_$\\u0080-\\u{10FFFF}]*';
const NUMBER =
  '0[xX][0-9A-Fa-f_]+|(?:\\d[\\d_]*(?:\\.[\\d_]*)?|\\.\\d[\\d_]*)(?:[eE][+-]?\\d[\\d_]*)?';
const TOKEN = new RegExp(
  [
    '(?<comment>--[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))',
    "[xX]'(?<blob>[0-9A-Fa-f]*)'",
    "'(?<string>(?:[^']|'')*)'",
    '"(?<double>(?:[^"]|"")*)"',
    '`(?<back>(?:[^`]|``)*)`',
    '\\[(?<bracket>[^\\]]*)\\]',
    `(?<word>${WORD})`,
    `(?<number>${NUMBER})`,
    '(?<mark>->>|->|\\|\\||<>|<=|>=|<<|>>|==|!=|[^\\s])',
  ].join('|'),
  'gu',
);

export function tokens(text: string): readonly Token[] {
  const out: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const said = tokenOf(match.groups ?? {});
    if (said === undefined) continue;
    const from = match.index;
    out.push({...said, from, to: from + match[0].length});
  }
  return out;
}

/** Undefined for a comment. */
function tokenOf(
  groups: Readonly<Record<string, string | undefined>>,
): Pick<Token, 'text' | 'kind'> | undefined {
  const {blob, string, double, back, bracket, word, number, mark} = groups;
  if (word !== undefined) return {kind: 'word', text: word};
  if (mark !== undefined) return {kind: 'mark', text: mark};
  if (number !== undefined) return {kind: 'number', text: number};
  if (string !== undefined) return {kind: 'string', text: string.replaceAll("''", "'")};
  if (double !== undefined) return {kind: 'double', text: double.replaceAll('""', '"')};
  if (back !== undefined) return {kind: 'name', text: back.replaceAll('``', '`')};
  if (bracket !== undefined) return {kind: 'name', text: bracket};
  return blob === undefined ? undefined : {kind: 'blob', text: blob};
}

export function isWord(token: Token | undefined, keyword: string): boolean {
  return token?.kind === 'word' && asciiUpper(token.text) === keyword;
}

export function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}

/** What stands between the parenthesis at a place and the one that closes it. */
export function inParentheses(all: readonly Token[], at: number): readonly Token[] {
  let depth = 0;
  for (let end = at; end < all.length; end++) {
    if (isMark(all[end], '(')) depth++;
    if (isMark(all[end], ')') && --depth === 0) return all.slice(at + 1, end);
  }
  return all.slice(at + 1);
}
