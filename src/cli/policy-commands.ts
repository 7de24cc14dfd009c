/** The commands drift, conflicts and unmute. */
import type {Command} from 'commander';
import {conflicts, resolveConflict} from '../engine/conflicts.ts';
import {drift} from '../engine/drift.ts';
import {unmute} from '../engine/unmute.ts';
import {EngineError} from '../kernel/errors.ts';
import {conflictsText, driftText, resolveText, unmuteText} from './print/policies.ts';
import {done, EXIT_DIFFERENT, run} from './run-command.ts';
import {addSharedOptions, engineOptions, type SharedFlags} from './shared-options.ts';

type Finish = (exitCode: number) => void;
type ShowFlags = SharedFlags & {readonly showValues?: true; readonly exitCode?: true};
type ResolveFlags = SharedFlags & {readonly take?: string; readonly all?: true};

export function addPolicies(program: Command, finish: Finish): void {
  addDrift(program, finish);
  addConflicts(program, finish);
  addUnmute(program, finish);
}

function addUnmute(program: Command, finish: Finish): void {
  const command = program
    .command('unmute')
    .description('give a muted replica its alerts back, before it becomes the primary');
  addSharedOptions(command, 'rowplica unmute --database kuma.db').action(
    async (flags: SharedFlags) => {
      finish(
        await run(flags, async (context) =>
          done(await unmute(engineOptions(flags, context)), unmuteText),
        ),
      );
    },
  );
}

function addDrift(program: Command, finish: Finish): void {
  const command = program
    .command('drift')
    .description(
      'rows that were changed here since the snapshot last applied, and what becomes of them',
    )
    .option('--show-values', 'print cell values; they may be secrets')
    .option('--exit-code', 'exit 4 where there are any');
  addSharedOptions(command, 'rowplica drift --database kuma.db').action(
    async (flags: ShowFlags) => {
      finish(
        await run(flags, async (context) => {
          const {showValues} = flags;
          const result = await drift({...engineOptions(flags, context), showValues});
          const exitCode = flags.exitCode && result.rows > 0 ? EXIT_DIFFERENT : 0;
          return {json: result, text: driftText(result), exitCode};
        }),
      );
    },
  );
}

function addConflicts(program: Command, finish: Finish): void {
  const command = program
    .command('conflicts')
    .description('rows that were changed here and on the primary, and wait for a decision')
    .option('--show-values', 'print cell values; they may be secrets');
  addSharedOptions(command, 'rowplica conflicts --database kuma.db').action(
    async (flags: ShowFlags) => {
      finish(
        await run(flags, async (context) => {
          const {showValues} = flags;
          const result = await conflicts({...engineOptions(flags, context), showValues});
          return {json: result, text: conflictsText(result), exitCode: 0};
        }),
      );
    },
  );
  const resolveCommand = command
    .command('resolve')
    .description('decide a conflict; it holds until the row changes again, here or on the primary')
    .argument('[table]')
    .argument('[key]', 'as conflicts lists it, such as id=42, or 42 alone')
    .option('--take <side>', 'ours: what is here stays; theirs: what the primary has is written')
    .option('--all', 'every conflict that is open');
  addSharedOptions(
    resolveCommand,
    'rowplica conflicts resolve monitor 42 --take theirs --database kuma.db',
  ).action(async (table: string | undefined, key: string | undefined, own: ResolveFlags) => {
    // Options that both commands know are taken by the one that comes first.
    const flags: ResolveFlags = {...command.opts<ResolveFlags>(), ...own};
    finish(
      await run(flags, async (context) => {
        const asked = askedOf(table, key, flags);
        const result = await resolveConflict({...engineOptions(flags, context), ...asked});
        return {json: result, text: resolveText(result), exitCode: 0};
      }),
    );
  });
}

function askedOf(
  table: string | undefined,
  key: string | undefined,
  {take, all}: ResolveFlags,
): {table: string | undefined; key: string | undefined; take: 'ours' | 'theirs'} {
  if (take !== 'ours' && take !== 'theirs') {
    throw new EngineError('USAGE', '--take is missing, or neither ours nor theirs', {
      hint: 'ours keeps what is here, theirs writes what the primary has.',
    });
  }
  if ((table === undefined || key === undefined) && all !== true) {
    throw new EngineError('USAGE', 'no row was named', {
      hint: 'Give table and key as rowplica conflicts lists them, or --all.',
    });
  }
  return {table, key, take};
}
