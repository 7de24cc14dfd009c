/** What a restore drill proved, as people read it. */
import type {DrillResult} from '../../engine/drill.ts';
import {counted} from '../../kernel/counted.ts';
import {shortId, table} from './tables.ts';

export function drillText({snapshot, tables, foreignKeys, sequence}: DrillResult): string {
  const rows = Object.entries(tables).map(([name, {rows: count, digest}]) => [
    name,
    String(count),
    shortId(digest),
  ]);
  return [
    table(['table', 'rows', 'digest'], rows, ['left', 'right', 'left']),
    '',
    `Snapshot ${shortId(snapshot)} (sequence ${sequence}) was restored and reads back the same; ${counted(foreignKeys, 'foreign key')} checked.`,
  ].join('\n');
}
