/** JSON from outside: its size in memory and its nesting are bounded before it is parsed. */
import {EngineError} from '../kernel/errors.ts';

export type JsonBounds = {
  /** Levels of arrays and objects. */
  readonly depth: number;
  /** Elements and members, counted over all levels, arrays and objects themselves included. */
  readonly values: number;
};

/**
 * Parses JSON that keeps to the bounds. The time is linear in the length of the text.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT`. No part of the text is quoted, as it may hold cells.
 */
export function parseJson(text: string, bounds?: JsonBounds): unknown {
  if (bounds !== undefined) checkBounds(text, bounds);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's own error quotes the text.
    throw corrupt('it is not valid JSON');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

function checkBounds(text: string, bounds: JsonBounds): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at + 1);
    else if (char === COMMA) values++;
    else if (OPENING.includes(char)) {
      depth++;
      values++;
    } else if (CLOSING.includes(char)) depth--;
    if (depth > bounds.depth) throw corrupt('it is nested too deep');
    if (values > bounds.values) throw corrupt('it holds too many values');
  }
}

/** Where the string ends that goes on here; the end of the text where it does not. */
function endOfString(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== QUOTE)
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function corrupt(why: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', why);
}
