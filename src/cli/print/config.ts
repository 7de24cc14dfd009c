/** The configuration as people read it. */
import pc from 'picocolors';
import type {EffectiveConfig} from '../../config/effective.ts';
import {table} from './tables.ts';

export function configText({settings, warnings}: EffectiveConfig): string {
  const rows = Object.entries(settings).map(([name, {value, source}]) => [
    name,
    value === null ? pc.dim('not set') : valueText(value),
    source === 'default' ? pc.dim(source) : source,
  ]);
  return [
    table(['setting', 'value', 'source'], rows),
    ...warnings.map((warning) => pc.yellow(`warning: ${warning}`)),
  ].join('\n');
}

/** As a file would give it, in one line. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{${members.map(([name, each]) => `${textOf(name)}: ${valueText(each)}`).join(', ')}}`;
  }
  return textOf(String(value));
}

/** Names may hold what ends a line or speaks to a terminal. */
function textOf(text: string): string {
  return /[\p{C}"]/u.test(text) ? JSON.stringify(text) : text;
}
