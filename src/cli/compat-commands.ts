/** The commands compat check and compat new. */
import type {Command} from 'commander';
import {compatCheck, type CompatCheckResult} from '../engine/compat-check.ts';
import {EngineError, EXIT_CODES} from '../kernel/errors.ts';
import {compatNew} from '../engine/compat-new.ts';
import {compatCheckText, compatNewText} from './print/compat.ts';
import {run} from './run-command.ts';
import {collect, engineOptions, type SharedFlags} from './shared-options.ts';

const EXIT_NOT_SAFE: number = EXIT_CODES.SCHEMA_MISMATCH;

type CheckFlags = SharedFlags & {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
};

export function addCompat(program: Command, finish: (exitCode: number) => void): void {
  const compat = program
    .command('compat')
    .description(
      'check and draft compat steps, which say what releases of an application do to rows',
    );
  const check = compat
    .command('check')
    .description('read all compat steps, and prove them on databases before and after an upgrade')
    .option('--from <database>', 'database of the older release (repeatable)', collect)
    .option('--to <database>', 'a copy of it that the application upgraded (repeatable)', collect);
  addCompatOptions(
    check,
    'rowplica compat check --from kuma-1.23.db --to kuma-upgraded-to-2.0.db --compat my-steps',
  ).action(async (flags: CheckFlags) => {
    finish(
      await run(flags, async (context) => {
        const pairs = pairsOf(flags);
        const options = engineOptions(flags, context, pairs[0]?.from ?? '');
        const result = await compatCheck({...options, pairs});
        return {json: result, text: compatCheckText(result), exitCode: checkExit(result)};
      }),
    );
  });
  addNew(compat, finish);
}

type NewFlags = SharedFlags & {readonly from: string; readonly to: string; readonly out?: string};

function addNew(compat: Command, finish: (exitCode: number) => void): void {
  const command = compat
    .command('new')
    .description('draft a step by comparing a database with a copy of it that was upgraded')
    .requiredOption('--from <database>', 'database of the older release')
    .requiredOption('--to <database>', 'a copy of it that the application upgraded')
    .option('--out <file>', 'write the draft there (default: print it)');
  addCompatOptions(
    command,
    'rowplica compat new --from kuma.db --to kuma-upgraded.db --out my-steps/uptime-kuma/next-release.yaml',
  ).action(async (flags: NewFlags) => {
    finish(
      await run(flags, async (context) => {
        const {from, to, out} = flags;
        const options = engineOptions(flags, context, from);
        const result = await compatNew({...options, from, to, out});
        return {json: result, text: compatNewText(result, {from, to}), exitCode: 0};
      }),
    );
  });
}

function checkExit({faults, proven}: CompatCheckResult): number {
  if (faults.length > 0) return EXIT_CODES.COMPAT_INVALID;
  return proven ? 0 : EXIT_NOT_SAFE;
}

function pairsOf({from = [], to = []}: CheckFlags): readonly {from: string; to: string}[] {
  if (from.length === to.length)
    return from.map((database, at) => ({from: database, to: to[at] ?? ''}));
  throw new EngineError('USAGE', '--from and --to belong together', {
    hint: 'Give for each --from a --to: a copy of that database which the application has upgraded.',
  });
}

function addCompatOptions(command: Command, example: string): Command {
  return command
    .option('--compat <dir>', 'folder of your own compat steps (docs/migrations-compat.md)')
    .option('--profile <name>', 'profile of the application (default: found by the schema)')
    .option(
      '--tables <names>',
      'tables instead of those of the profile, separated by commas',
      collect,
    )
    .option('--config <file>', 'YAML file with any of the above')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText('after', `\nExample:\n  ${example}`);
}
