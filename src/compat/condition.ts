/** Conditions on a row: whether a step's operation is about it. */
import type {Cell} from '../kernel/row.ts';
import type {Affinity} from '../schema/affinity.ts';
import type {Condition, Literal, Test} from './step.ts';
import {cellOf, isSame, stored, textOfReal} from './values.ts';

export type CellTest = (cell: Cell) => boolean;

/** A value given bare or in a list is compared as the column would hold it. */
export function compileCondition(condition: Condition, affinity: Affinity): CellTest {
  if (typeof condition !== 'object' || condition === null) return isAnyOf([condition], affinity);
  return isList(condition) ? isAnyOf(condition, affinity) : compileTest(condition, affinity);
}

const isList = (value: Condition): value is readonly Literal[] => Array.isArray(value);

function isAnyOf(literals: readonly Literal[], affinity: Affinity): CellTest {
  const cells = literals.map((literal) => {
    const cell = cellOf(literal);
    // A column of texts compares a number as the text that it would store.
    return stored(affinity, cell) ?? (typeof cell === 'number' ? textOfReal(cell) : cell);
  });
  return (cell) => cells.some((one) => isSame(one, cell));
}

function compileTest(test: Test, affinity: Affinity): CellTest {
  const {not, atMost, atLeast, like, notLike, json, topLevelDomain} = test;
  const all: CellTest[] = [];
  if (not !== undefined) {
    const any = isAnyOf(isList(not) ? not : [not as Literal], affinity);
    all.push((cell) => !any(cell));
  }
  if (atMost !== undefined) all.push((cell) => isNumber(cell) && Number(cell) <= atMost);
  // As SQLite orders values: texts and blobs after all numbers.
  if (atLeast !== undefined)
    all.push((cell) => cell !== null && (!isNumber(cell) || Number(cell) >= atLeast));
  if (like !== undefined) all.push(matcher(like));
  if (notLike !== undefined) {
    const matches = matcher(notLike);
    all.push((cell) => cell !== null && !matches(cell));
  }
  if (json !== undefined) all.push((cell) => typeof cell === 'string' && hasMember(cell, json));
  if (topLevelDomain !== undefined) all.push(inDomain(topLevelDomain));
  return (cell) => all.every((holds) => holds(cell));
}

const isNumber = (cell: Cell): cell is bigint | number =>
  typeof cell === 'bigint' || typeof cell === 'number';

/** LIKE: `%` is any text, `_` one character, letters of ASCII in any case. As in SQLite, a text ends at its first NUL. */
function matcher(pattern: string): CellTest {
  const parts = pattern.split('%').map((part) => Array.from(asciiLower(part)));
  return (cell) => {
    const [text] = textOf(cell)?.split('\0') ?? [];
    return text !== undefined && isLike(Array.from(asciiLower(text)), parts);
  };
}

/** Bytes that are not valid become marks, each of which is some character. */
function textOf(cell: Cell): string | undefined {
  if (typeof cell === 'string' || typeof cell === 'bigint') return String(cell);
  if (typeof cell !== 'object' || cell === null || cell instanceof Uint8Array) return undefined;
  return Buffer.from(cell.textBytes).toString('utf8');
}

/** The first part at the beginning, the last at the end, the others between as early as they come. */
function isLike(text: readonly string[], parts: readonly (readonly string[])[]): boolean {
  const [first = [], ...others] = parts;
  const last = others.pop();
  if (last === undefined) return text.length === first.length && standsAt(text, first, 0);
  let at = first.length;
  if (!standsAt(text, first, 0)) return false;
  for (const part of others) {
    while (at + part.length <= text.length && !standsAt(text, part, at)) at++;
    at += part.length;
  }
  const end = text.length - last.length;
  return at <= end && standsAt(text, last, end);
}

function standsAt(text: readonly string[], part: readonly string[], at: number): boolean {
  if (at + part.length > text.length) return false;
  return part.every((letter, index) => letter === '_' || letter === text[at + index]);
}

const asciiLower = (text: string): string =>
  text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The text holds a JSON object whose member is one of these texts; text that is no JSON holds none. */
function hasMember(text: string, {member, is, ignoreCase}: NonNullable<Test['json']>): boolean {
  const value = memberOf(text, member);
  if (typeof value !== 'string') return false;
  if (ignoreCase !== true) return is.includes(value);
  const lower = value.toLowerCase();
  return is.some((one) => one.toLowerCase() === lower);
}

function memberOf(text: string, member: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    const known = typeof value === 'object' && value !== null && Object.hasOwn(value, member);
    return known ? (value as Record<string, unknown>)[member] : undefined;
  } catch {
    return undefined;
  }
}

function inDomain({in: wanted, notIn}: NonNullable<Test['topLevelDomain']>): CellTest {
  const [some, none] = [wanted, notIn].map((list) => list && new Set(list.map(lower)));
  return (cell) => {
    const domain = typeof cell === 'string' ? topLevelDomain(cell) : undefined;
    const inSome = some === undefined || (domain !== undefined && some.has(domain));
    return inSome && (none === undefined || domain === undefined || !none.has(domain));
  };
}

const lower = (text: string): string => text.toLowerCase();

/** Scheme, user and password, host, port, and what ends them. */
const ADDRESS =
  /^(?:(?:[a-z][a-z0-9+.-]*:)?[/\\]{2})?(?:[^/\\?#]*@)?([^/\\?#:[\]]+)(?::\d*)?(?:[/\\?#]|$)/i;
const LABEL = /^(?!-)[a-z0-9_\u{80}-\u{10ffff}-]{1,63}(?<!-)$/u;
const HOST_CHARS_MAX = 255;

/** The last label of the host in an address or a bare host name; none where that is an IP address, or no host. */
function topLevelDomain(address: string): string | undefined {
  const host = ADDRESS.exec(address.trim())?.[1]?.replace(/\.+$/, '').toLowerCase() ?? '';
  const labels = host.split('.');
  if (host.length > HOST_CHARS_MAX || !labels.every((label) => LABEL.test(label))) return undefined;
  const last = labels.at(-1);
  return last === undefined || /^\d+$/.test(last) ? undefined : last;
}
