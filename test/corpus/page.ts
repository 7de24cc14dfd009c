/** The corpus as a table for docs/correctness.md. */
import {expectationText, TRAPS, trapsOf, type Case} from './case.ts';
import {themes} from './corpus.ts';

const begin = '<!-- corpus:begin -->';
const end = '<!-- corpus:end -->';

/** What is said of a case by whom; the last cell is sqldiff's. */
export function rowOf(from: Case, sqldiff: string): readonly string[] {
  const traps = trapsOf(from).map((trap) => TRAPS[trap]);
  return [from.name, traps.join(', '), expectationText(from.expect), sqldiff].map(escaped);
}

/** One table for each theme. */
export function markdown(sqldiff: (from: Case) => string, summary: string): string {
  const parts = themes.map(({title, cases}) =>
    [
      `### ${title}`,
      '',
      line(['case', 'trap', 'Rowplica', 'sqldiff']),
      line(['---', '---', '---', '---']),
      ...cases.map((from) => line(rowOf(from, sqldiff(from)))),
    ].join('\n'),
  );
  return [summary, ...parts].join('\n\n');
}

/** The page with another section between the marks. */
export function withSection(page: string, section: string): string {
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`the page lacks ${begin} … ${end}`);
  return `${page.slice(0, before + begin.length)}\n\n${section}\n\n${page.slice(after)}`;
}

/** Cells of all rows of the section's tables, without those of the heads. */
export function rowsOfSection(page: string): readonly (readonly string[])[] {
  const section = page.slice(page.indexOf(begin), page.indexOf(end));
  return section
    .split('\n')
    .filter((text) => text.startsWith('| ') && !/^\| (case|---) \|/.test(text))
    .map((text) => text.slice(2, -2).split(' | '));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function escaped(text: string): string {
  return text.replaceAll(/(?<!\w)_|_(?!\w)|[|*<\\]/g, (mark) => `\\${mark}`);
}
