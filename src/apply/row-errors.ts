/** What goes wrong with one row, said with its name. */
import {EngineError, isEngineError} from '../kernel/errors.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import type {Statement} from '../kernel/statement.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** The error of a statement, naming the row where a constraint forbids it. */
export function namingRow(
  op: Statement['op'],
  shape: TableShape,
  key: string,
  cause: unknown,
): unknown {
  if (!isEngineError(cause, 'CONSTRAINT')) return cause;
  const {site, hint} = cause;
  const label = keyLabel(shape, key);
  const message = `cannot ${op} ${shape.table}[${label}]: ${site.constraint ?? 'a constraint'} forbids it`;
  return new EngineError('CONSTRAINT', message, {site: {...site, key: label}, hint, cause});
}

type ReadBack = {
  readonly now: CanonicalRow | undefined;
  readonly wanted: CanonicalRow | undefined;
};

export function notAsWritten(shape: TableShape, key: string, {now, wanted}: ReadBack): EngineError {
  const label = keyLabel(shape, key);
  return new EngineError(
    'PROOF_FAILED',
    `cannot apply ${shape.table}[${label}]: after writing it, the row is not what was written${differing(shape, now, wanted)}`,
    {
      site: {table: shape.table, key: label},
      hint: 'A trigger or a conversion of this database changes the value; nothing was changed.',
    },
  );
}

function differing(
  shape: TableShape,
  now: CanonicalRow | undefined,
  wanted: CanonicalRow | undefined,
): string {
  if (now === undefined || wanted === undefined) return '';
  const at = shape.columns.findIndex(
    (_, column) => JSON.stringify(now.cells[column]) !== JSON.stringify(wanted.cells[column]),
  );
  return at < 0 ? '' : ` (column "${shape.columns[at]?.name}")`;
}
