/** Aligned tables for people. */
import {grouped} from '../../kernel/counted.ts';
import Table from 'cli-table3';
import pc from 'picocolors';
import type {ChangeCounts} from '../../kernel/row.ts';

type Align = 'left' | 'right';

/** A table without frames; numbers stand on the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  aligns: readonly Align[] = [],
): string {
  const none = Object.fromEntries(
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
      'left',
      'left-mid',
      'mid',
      'mid-mid',
      'right',
      'right-mid',
      'middle',
    ].map((part) => [part, '']),
  );
  const out = new Table({
    head: head.map((text) => pc.dim(text)),
    chars: {...none, middle: '  '},
    colAligns: [...aligns],
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
  });
  out.push(...rows.map((row) => [...row]));
  return out
    .toString()
    .split('\n')
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n');
}

/** Inserted, updated and deleted rows by table; tables without any are counted in a last line. */
export function changesTable(tables: Readonly<Record<string, ChangeCounts>>): string {
  const all = Object.entries(tables);
  const changed = all.filter(
    ([, {inserted, updated, deleted}]) => inserted + updated + deleted > 0,
  );
  const rows = changed.map(([name, {inserted, updated, deleted}]) => [
    name,
    signed(inserted, '+', pc.green),
    signed(updated, '~', pc.yellow),
    signed(deleted, '-', pc.red),
  ]);
  const rest = all.length - changed.length;
  const lines =
    changed.length === 0
      ? []
      : [
          table(['table', 'inserted', 'updated', 'deleted'], rows, [
            'left',
            'right',
            'right',
            'right',
          ]),
        ];
  if (rest > 0)
    lines.push(
      pc.dim(
        `  ${rest} ${changed.length === 0 ? '' : 'other '}${rest === 1 ? 'table' : 'tables'} unchanged`,
      ),
    );
  return lines.join('\n');
}

function signed(count: number, sign: string, colour: (text: string) => string): string {
  return count === 0 ? pc.dim('0') : colour(`${sign}${grouped(count)}`);
}

export const shortId = (id: string): string => id.slice(0, 12);
