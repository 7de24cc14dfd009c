/** Rows that differ, as people read them. */
import pc from 'picocolors';
import type {DiffChange} from '../../engine/describe-change.ts';
import type {WireCell} from '../../kernel/row.ts';

const SIGNS = {
  insert: (text: string) => pc.green(`+ ${text}`),
  update: (text: string) => pc.yellow(`~ ${text}`),
  delete: (text: string) => pc.red(`- ${text}`),
};

/** One row that differs: its key, and its columns or cells. @param note Stands behind the row. */
export function changeLines(change: DiffChange, note = ''): readonly string[] {
  const name = SIGNS[change.op](`${change.table}[${change.key}]`);
  if (change.values !== undefined) {
    const cells = Object.entries(change.values).map(
      ([column, {left, right}]) => `      ${column}: ${cellsText(change, left, right)}`,
    );
    return [`  ${name}${note}`, ...cells];
  }
  const columns = change.op === 'update' ? `  ${pc.dim(change.columns.join(', '))}` : '';
  return [`  ${name}${columns}${note}`];
}

function cellsText({op}: DiffChange, left: WireCell, right: WireCell): string {
  if (op === 'insert') return JSON.stringify(right);
  return op === 'delete'
    ? JSON.stringify(left)
    : `${JSON.stringify(left)} → ${JSON.stringify(right)}`;
}
