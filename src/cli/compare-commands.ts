/** Commands that compare rows and write none. */
import type {Command} from 'commander';
import {diff} from '../engine/diff.ts';
import {verify} from '../engine/verify.ts';
import {diffText, verifyText} from './print/results.ts';
import {done, EXIT_DIFFERENT, run} from './run-command.ts';
import {addSharedOptions, engineOptions, type SharedFlags} from './shared-options.ts';

type DiffFlags = SharedFlags & {readonly showValues?: true; readonly exitCode?: true};

export function addDiff(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('diff')
    .description(
      'rows that differ between two sides; a side is live, latest, a snapshot id, or a database',
    )
    .argument('<left>')
    .argument('<right>')
    .option('--show-values', 'print cell values; they may be secrets')
    .option('--exit-code', 'exit 4 where there are differences');
  addSharedOptions(command, 'rowplica diff live latest --database kuma.db').action(
    async (left: string, right: string, flags: DiffFlags) => {
      finish(
        await run(flags, async (context) => {
          const sides = {left, right, showValues: flags.showValues};
          const fallback =
            left === 'live' || right === 'live' ? undefined : databaseOf(left, right);
          const result = await diff({...engineOptions(flags, context, fallback), ...sides});
          return {
            ...done(result, diffText),
            exitCode: flags.exitCode && !result.equal ? EXIT_DIFFERENT : 0,
          };
        }),
      );
    },
  );
}

/** Two databases can be compared without naming a third. */
function databaseOf(left: string, right: string): string {
  return /^(latest|[0-9a-f]{4,64})$/.test(left) ? right : left;
}

export function addVerify(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('verify')
    .description('compare this database with the snapshot last applied, or check a snapshot')
    .option('--snapshot <id>', 'check every chunk of this snapshot instead (an id, or latest)');
  addSharedOptions(command, 'rowplica verify --database kuma.db').action(
    async (flags: SharedFlags & {snapshot?: string}) => {
      finish(
        await run(flags, async (context) => {
          const result = await verify({...engineOptions(flags, context), snapshot: flags.snapshot});
          return {...done(result, verifyText), exitCode: result.equal ? 0 : EXIT_DIFFERENT};
        }),
      );
    },
  );
}
