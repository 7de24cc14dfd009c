/** What compat steps are and prove, as people read it. */
import pc from 'picocolors';
import type {CompatCheckResult} from '../../engine/compat-check.ts';
import type {CompatNewResult} from '../../engine/compat-new.ts';
import type {PairProof} from '../../engine/compat-proof.ts';
import {counted} from '../../kernel/counted.ts';

export function compatCheckText({applications, faults, pairs}: CompatCheckResult): string {
  const steps = Object.entries(applications).map(
    ([name, count]) => `${name}: ${counted(count, 'compat step')}.`,
  );
  if (faults.length > 0)
    return [
      pc.red(`${counted(faults.length, 'fault')} in compat files.`),
      ...faults.map(({file, line, why}) => `  ${file}:${line}: ${why}`),
      ...steps,
    ].join('\n');
  return [
    ...pairs.flatMap(pairLines),
    ...steps,
    ...(pairs.length === 0 ? [HOW_TO_PROVE] : []),
  ].join('\n');
}

const HOW_TO_PROVE =
  'All can be read. To prove them, give a database and a copy of it that was upgraded: --from OLD.db --to NEW.db.';

function pairLines(proof: PairProof): readonly string[] {
  const {from, to, steps, tables} = proof;
  const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
  const pair = `${from} → ${to}`;
  const verdict = proof.proven
    ? pc.green(
        `Proven: ${pair}: ${counted(steps.length, 'step')} give all ${counted(rows, 'row')} as the application left them.`,
      )
    : pc.red(`Not proven: ${pair} (${counted(steps.length, 'step')}).`);
  return [verdict, ...gapLines(proof), ...Object.values(tables).flatMap(tableLines)];
}

function gapLines({withoutStep, inPart, misfit, declarations}: PairProof): readonly string[] {
  return [
    ...withoutStep.map((name) => `  no step for migration ${name}`),
    ...inPart.map((name) => `  step ${name}: the newer database has only some of its migrations`),
    ...(misfit === null ? [] : [`  ${misfit}`]),
    ...declarations.map(
      ({table, column, why}) => `  ${table}${column === null ? '' : `.${column}`}: ${why}`,
    ),
  ];
}

function tableLines({
  name,
  missing,
  surplus,
  columns,
  losses,
}: PairProof['tables'][string]): readonly string[] {
  const lone = [
    {...missing, what: 'only the steps make'},
    {...surplus, what: 'only the newer database has'},
  ].filter(({rows}) => rows > 0);
  return [
    ...columns.map(
      ({column, rows, keys}) =>
        `  ${name}.${column}: ${counted(rows, 'row')} ${rows === 1 ? 'differs' : 'differ'} ${listed(rows, keys)}`,
    ),
    ...lone.map(
      ({rows, keys, what}) =>
        `  ${name}: ${counted(rows, 'row')} that ${what} ${listed(rows, keys)}`,
    ),
    ...losses.map(
      ({step, column, rows}) =>
        `  ${name}${column === null ? '' : `.${column}`}: ${counted(rows, 'row')} would not come back from being lowered, and step ${step} says that it is reversible`,
    ),
  ];
}

function listed(rows: number, keys: readonly string[]): string {
  return pc.dim(`(${keys.join('; ')}${rows > keys.length ? '; …' : ''})`);
}

/** The draft itself where no file was named, and what to do next: as comments, so that it can be kept as it is. */
export function compatNewText(
  {application, migrations, operations, open, file, text}: CompatNewResult,
  {from, to}: {readonly from: string; readonly to: string},
): string {
  const path = file ?? `DIR/${application}/NAME.yaml`;
  const left = open === 0 ? 'nothing is left open' : `${counted(open, 'place')} left open`;
  const lines = [
    `Drafted: ${counted(migrations.length, 'migration')}, ${counted(operations, 'operation')}, ${left}.`,
    'What to do next:',
    `  1. Review it${file === null ? ` as ${path}` : ''}: write the summary, settle what is left open, decide on reversible.`,
    `  2. Prove it: rowplica compat check --from ${from} --to ${to} --compat DIR`,
    `  DIR is the folder that holds ${application}/; give it with --compat on every instance.`,
  ];
  if (file !== null) return lines.join('\n');
  return `${text}\n${lines.map((line) => `# ${line}`).join('\n')}`;
}
