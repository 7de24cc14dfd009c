/** What a rehearsed upgrade did and means, as people read it. */
import pc from 'picocolors';
import type {Judgement} from '../../engine/judge.ts';
import type {MigrationRun} from '../../engine/run-migration.ts';
import type {Upgraded, UpgradeCheckResult} from '../../engine/upgrade-check.ts';
import {counted, grouped} from '../../kernel/counted.ts';
import {blockingLines, differenceLines} from './judgement.ts';
import {table} from './tables.ts';

export function upgradeCheckText({
  verdict,
  reasons,
  migration,
  report,
}: UpgradeCheckResult): string {
  if (report === null) return failedText(reasons, migration);
  const lines = [
    verdict === 'safe'
      ? pc.green('Safe: the upgrade works on a copy, and rows go on to be replicated.')
      : pc.red('Not safe to upgrade yet:'),
    ...reasons.map((reason) => `  ${reason}`),
    '',
    ...factLines(report, migration),
    ...schemaLines(report),
    ...rowLines(report),
    ...draftLines(report),
  ];
  return [...lines, '', ...nextLines(verdict === 'safe', report)].join('\n');
}

function failedText(reasons: readonly string[], {output}: MigrationRun): string {
  const printed = (output ?? '').trimEnd();
  return [
    pc.red(`Not safe to upgrade: ${reasons.join('; ')}.`),
    ...(printed === '' ? [] : ['It printed last:', printed]),
    'The database itself was not touched. What to do: correct the migration, and rehearse it again.',
  ].join('\n');
}

function factLines(report: Upgraded, {seconds}: MigrationRun): readonly string[] {
  const {migrations, integrity, foreignKeys, bytes, here, replicas} = report;
  const found = foreignKeys.reduce((sum, {rows}) => sum + rows, 0);
  const what = here.snapshot === 'newest' ? 'newest snapshot, here' : "today's rows, here";
  const rows = [
    ['migrations', migrationText(migrations)],
    ['integrity', integrity.length === 0 ? 'ok' : integrity.join('; ')],
    [
      'foreign keys',
      found === 0 ? 'ok: nothing dangles that did not before' : `${counted(found, 'row')} dangle`,
    ],
    ['time', seconds === null ? 'not known' : `${grouped(seconds)} s`],
    ['size', `${grouped(bytes.before)} → ${grouped(bytes.after)} bytes`],
    [what, judgementText(here)],
    ['its snapshot, elsewhere', judgementText(replicas)],
  ];
  return [table([], rows), ...blockingLines(here.blocking), ...blockingLines(replicas.blocking)];
}

const NAMES_SHOWN = 5;

function migrationText({added, removed}: Upgraded['migrations']): string {
  const shown = added.slice(0, NAMES_SHOWN).join(', ');
  const more = added.length > NAMES_SHOWN ? ` and ${added.length - NAMES_SHOWN} more` : '';
  const gone = removed.length === 0 ? '' : `; ${counted(removed.length, 'migration')} gone`;
  return added.length === 0 ? `none${gone}` : `${added.length}: ${shown}${more}${gone}`;
}

function judgementText({verdict, steps}: Judgement): string {
  return steps.length === 0 ? verdict : `${verdict} (${counted(steps.length, 'compat step')})`;
}

function schemaLines({schema: {added, dropped, differences}}: Upgraded): readonly string[] {
  return [
    ...(added.length === 0 ? [] : [`  new tables: ${added.join(', ')}`]),
    ...(dropped.length === 0 ? [] : [`  tables that are gone: ${dropped.join(', ')}`]),
    ...differenceLines(differences, ['before', 'after']),
  ];
}

/** Tables of which no row changed are not named. */
function rowLines({tables, others}: Upgraded): readonly string[] {
  const rows = Object.entries(tables).flatMap(([name, change]) => {
    const columns = Object.entries(change.columns).map(([column, count]) => `${column} (${count})`);
    if (change.inserted + change.deleted + columns.length === 0) return [];
    return [[name, String(change.inserted), String(change.deleted), columns.join(', ')]];
  });
  const counts = Object.entries(others).map(
    ([name, {before, after}]) => `  ${name}: ${grouped(before)} → ${grouped(after)} rows`,
  );
  return [
    rows.length === 0
      ? '  In replicated tables no row changed in columns that were there before.'
      : table(['replicated table', 'new keys', 'keys gone', 'rows changed by column'], rows, [
          'left',
          'right',
          'right',
        ]),
    ...counts,
  ];
}

function draftLines({draft}: Upgraded): readonly string[] {
  if (draft === null) return [];
  const what = `${counted(draft.migrations.length, 'migration')} without a compat step: ${draft.migrations.slice(0, NAMES_SHOWN).join(', ')}${draft.migrations.length > NAMES_SHOWN ? ', …' : ''}`;
  return [
    pc.yellow(`  ${what}`),
    draft.file === null
      ? '  --draft FILE writes a draft of one.'
      : `  A draft of one is in ${draft.file} (${counted(draft.operations, 'operation')}, ${counted(draft.open, 'place')} left open).`,
  ];
}

function nextLines(safe: boolean, {replicas, draft, here}: Upgraded): readonly string[] {
  if (!safe) {
    const step =
      draft === null
        ? ['Settle what is named above, and rehearse it again.']
        : [
            'Review the draft, prove it with rowplica compat check, and rehearse again with --compat.',
            'See "The next release in ten minutes" in docs/migrations-compat.md.',
          ];
    return ['What to do next:', ...step.map((text) => `  ${text}`)];
  }
  const waits =
    replicas.verdict === 'held'
      ? 'Upgrade replicas first, or let them wait: until they are upgraded, they hold what an upgraded primary captures.'
      : 'Instances may be upgraded in any order.';
  const lifted =
    here.verdict === 'compatible'
      ? ' Give the same --compat folder, if any, on every instance.'
      : '';
  return ['What to do next:', `  ${waits}${lifted}`];
}
