/** Values that a step gives: literals, and what is calculated or put together of other columns of the row. */
import {textOfBytes} from '../canonical/cell.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Cell, TextBytes} from '../kernel/row.ts';
import type {Expression, TextPart} from './step.ts';
import {calculated, cellOf} from './values.ts';

/** Finds where a column stands in the cells; throws where it is not among them. */
export type IndexOf = (column: string) => number;

export type Calculate = (cells: readonly Cell[]) => Cell;

export function compileExpression(expression: Expression, indexOf: IndexOf): Calculate {
  if (typeof expression !== 'object' || expression === null) {
    const cell = cellOf(expression);
    return () => cell;
  }
  if ('text' in expression) {
    const parts = expression.text.map((part) => compilePart(part, indexOf));
    return (cells) => joined(parts.map((part) => part(cells)));
  }
  const {column, times, plus} = expression;
  const at = indexOf(column);
  if (times === undefined && plus === undefined) return (cells) => cells[at] ?? null;
  return (cells) => calculated(cells[at] ?? null, times, plus);
}

type Text = string | TextBytes;

/** As `||` has it: a NULL among them makes the whole NULL. */
function joined(parts: readonly (Text | null)[]): Text | null {
  const texts = parts.filter((part) => part !== null);
  if (texts.length < parts.length) return null;
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  const bytes = texts.map((text) =>
    typeof text === 'string' ? Buffer.from(text) : text.textBytes,
  );
  return textOfBytes(Buffer.concat(bytes));
}

/** What is neither text nor integer has no text here: NULL. */
function compilePart(part: TextPart, indexOf: IndexOf): (cells: readonly Cell[]) => Text | null {
  if (typeof part === 'string') return () => part;
  const {column, split, piece = 1, integer} = part;
  const at = indexOf(column);
  return (cells) => {
    const cell = cells[at] ?? null;
    const text = typeof cell === 'bigint' ? cell.toString() : cell;
    const isText = typeof text === 'string';
    if (split === undefined && integer !== true) return isText || isBytes(text) ? text : null;
    if (isBytes(text)) throw unreadable(column);
    return isText
      ? pieceOf(split === undefined ? text : text.split(split)[piece - 1], integer)
      : null;
  };
}

function pieceOf(text: string | undefined, integer: true | undefined): string | null {
  if (text === undefined || integer !== true) return text ?? null;
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1];
  return digits === undefined ? null : BigInt(digits.replace('+', '')).toString();
}

function isBytes(cell: Cell): cell is TextBytes {
  return typeof cell === 'object' && cell !== null && !(cell instanceof Uint8Array);
}

function unreadable(column: string): EngineError {
  return new EngineError(
    'VALUE_UNSUPPORTED',
    `a compat step takes apart the text of column "${column}", which is not valid in one row`,
    {
      site: {column},
      hint: 'Correct that text, or bring the application to the same version on both instances.',
    },
  );
}
