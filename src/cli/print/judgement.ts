/** Whether a snapshot fits a database, as people read it. */
import pc from 'picocolors';
import type {Blocking, Judgement} from '../../engine/judge.ts';
import {counted} from '../../kernel/counted.ts';
import {table} from './tables.ts';

const NAMES_SHOWN = 10;

export function checkSchemaText(judgement: Judgement): string {
  const {migrations, steps, differences, blocking} = judgement;
  return [
    verdictLine(judgement),
    ...blockingLines(blocking),
    ...listed('missing here', migrations.missingHere),
    ...listed('missing there', migrations.missingThere),
    ...listed('compat steps', steps),
    ...differenceLines(differences),
    ...nextLines(judgement),
  ].join('\n');
}

function verdictLine({verdict, steps}: Judgement): string {
  switch (verdict) {
    case 'identical':
      return pc.green('Identical: rows of the other one are applied here as they are.');
    case 'compatible':
      return pc.green(
        `Compatible: rows of the other one are applied here through ${counted(steps.length, 'compat step')}.`,
      );
    case 'held':
      return pc.yellow(
        'Held: the other one is newer, and its rows wait until this instance is upgraded.',
      );
    case 'refused':
      return pc.red('Refused: no reviewed steps lead from the other one to this database.');
  }
}

/** Migrations have a list of their own. */
export function blockingLines(blocking: readonly Blocking[]): readonly string[] {
  const named = blocking.filter(({migration}) => migration === null);
  const whole = [
    ...new Set(blocking.filter(({migration}) => migration !== null).map(({why}) => why)),
  ];
  return [
    ...whole.map((why) => `  ${why}`),
    ...named.map(({table: name, column, why}) => {
      const place = name === null ? '' : `${name}${column === null ? '' : `.${column}`}: `;
      return `  ${place}${why}`;
    }),
  ];
}

function listed(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const more = names.length - NAMES_SHOWN;
  return [`  ${pc.dim(what)}: ${shown}${more > 0 ? ` and ${more} more` : ''}`];
}

export function differenceLines(
  differences: Judgement['differences'],
  sides: readonly [string, string] = ['here', 'there'],
): readonly string[] {
  if (differences.length === 0) return [];
  const rows = differences.map(({table: name, kind, name: of, here, there}) => [
    name,
    kind,
    of,
    here ?? '—',
    there ?? '—',
  ]);
  return [table(['table', 'what', 'name', ...sides], rows)];
}

function nextLines({verdict}: Judgement): readonly string[] {
  if (verdict === 'held')
    return [
      'What to do: upgrade the application on this instance; the next replicate goes on by itself.',
    ];
  if (verdict === 'refused')
    return [
      'What to do: bring the application to the same version on both, or add the step: see docs/migrations-compat.md.',
    ];
  return [];
}
