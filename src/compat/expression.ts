/** Values that a step gives: literals, and what is calculated or put together of other columns of the row. */
import type {Cell} from '../kernel/row.ts';
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

/** As `||` has it: a NULL among them makes the whole NULL. */
function joined(parts: readonly (string | null)[]): string | null {
  return parts.includes(null) ? null : parts.join('');
}

function compilePart(part: TextPart, indexOf: IndexOf): (cells: readonly Cell[]) => string | null {
  if (typeof part === 'string') return () => part;
  const {column, split, piece = 1, integer} = part;
  const at = indexOf(column);
  return (cells) => {
    const cell = cells[at] ?? null;
    const text = typeof cell === 'bigint' ? cell.toString() : cell;
    if (typeof text !== 'string') return null;
    const chosen = split === undefined ? text : text.split(split)[piece - 1];
    if (chosen === undefined) return null;
    if (integer !== true) return chosen;
    const digits = /^\s*([+-]?\d+)/.exec(chosen)?.[1];
    return digits === undefined ? null : BigInt(digits.replace('+', '')).toString();
  };
}
