/**
 * Expressions of a schema in one spelling, equal for equal expressions however they are written: white space, comments,
 * letter case, quotes of names and parentheses around the whole do not matter. Texts stay as they are.
 */
import {asciiLower, asciiUpper} from '../../schema/names.ts';
import {inParentheses, isMark, isWord, tokens, type Token} from './tokens.ts';

/** `columns` are the table's, in lower case: they tell names in double quotes from texts. */
export function canonicalExpression(text: string, columns: ReadonlySet<string>): string {
  return canonical(tokens(text), columns);
}

export function canonical(expression: readonly Token[], columns: ReadonlySet<string>): string {
  const bare = withoutParentheses(expression);
  return bare
    .map((token, at) => {
      const before = bare[at - 1];
      const said = spelled(token, {before, after: bare[at + 1], columns});
      return before !== undefined && isApart(before, token) ? ` ${said}` : said;
    })
    .join('');
}

/** A declared type in upper case; SQLite hands it out with the comments that stand in it. */
export function canonicalType(text: string): string {
  const words = tokens(text).map((token) => asciiUpper(token.text));
  return words.join(' ').replace(/ ?([(),+-]) ?/g, '$1');
}

/**
 * A default in one spelling, or undefined where it is NULL, which is what columns without one have. A bare word and any
 * quoted one are texts there, and only there.
 */
export function canonicalDefault(text: string | null): string | undefined {
  const all = withoutParentheses(tokens(text ?? 'NULL'));
  const [only] = all;
  if (only === undefined || all.length > 1 || !TEXTS.has(only.kind)) return canonical(all, NONE);
  if (isWord(only, 'NULL')) return undefined;
  const isValue = only.kind === 'word' && VALUES.includes(asciiUpper(only.text));
  return isValue ? asciiLower(only.text) : textOf(only);
}

const NONE: ReadonlySet<string> = new Set();
const TEXTS: ReadonlySet<Token['kind']> = new Set(['word', 'name', 'double', 'string']);
/** Words that are values: as names they need their quotes. */
const VALUES = ['NULL', 'TRUE', 'FALSE', 'CURRENT_TIME', 'CURRENT_DATE', 'CURRENT_TIMESTAMP'];

function withoutParentheses(all: readonly Token[]): readonly Token[] {
  if (!isMark(all[0], '(')) return all;
  const inner = inParentheses(all, 0);
  return inner.length === all.length - 2 ? withoutParentheses(inner) : all;
}

/** Where a blank is written, so that people and SQLite can read it. */
function isApart(before: Token, token: Token): boolean {
  if (isMark(before, '(') || isMark(before, '.')) return false;
  if (isMark(token, '(')) return before.kind === 'mark';
  return !isMark(token, ')') && !isMark(token, ',') && !isMark(token, '.');
}

type Place = {
  readonly before: Token | undefined;
  readonly after: Token | undefined;
  readonly columns: ReadonlySet<string>;
};

function spelled(token: Token, place: Place): string {
  switch (token.kind) {
    case 'mark':
      return token.text;
    case 'word':
    case 'number':
      return asciiLower(token.text);
    case 'blob':
      return `x'${asciiLower(token.text)}'`;
    case 'name':
      return nameOf(token);
    case 'double':
      return isName(token, place) ? nameOf(token) : textOf(token);
    case 'string':
      return isWord(place.before, 'COLLATE') ? nameOf(token) : textOf(token);
  }
}

/** SQLite takes double quotes for those of a text where there is no such name. */
function isName({text}: Token, {before, after, columns}: Place): boolean {
  if (columns.has(asciiLower(text)) || ROWID.includes(asciiLower(text))) return true;
  return (
    isMark(after, '(') || isMark(after, '.') || isMark(before, '.') || isWord(before, 'COLLATE')
  );
}

const ROWID = ['rowid', '_rowid_', 'oid'];

function nameOf({text}: Token): string {
  const plain = /^[A-Za-z_\u0080-\u{10FFFF}][A-Za-z0-9_$\u0080-\u{10FFFF}]*$/u.test(text);
  const name = asciiLower(text);
  return plain && !VALUES.includes(asciiUpper(text)) ? name : `"${name.replaceAll('"', '""')}"`;
}

function textOf({text}: Token): string {
  return `'${text.replaceAll("'", "''")}'`;
}
