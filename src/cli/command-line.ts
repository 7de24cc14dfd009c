/** The command line: names, options and exit codes are a contract; scripts depend on them. */
import {Command, CommanderError} from 'commander';
import {addDiff, addVerify} from './compare-commands.ts';
import {addCompat} from './compat-commands.ts';
import {addConfig} from './config-command.ts';
import {addDrill} from './drill-command.ts';
import {addHealth} from './health-command.ts';
import {capture} from '../engine/capture.ts';
import {doctor} from '../engine/doctor.ts';
import {replicate, type ReplicateResult} from '../engine/replicate.ts';
import {snapshots, status} from '../engine/status.ts';
import {EngineError, EXIT_CODES} from '../kernel/errors.ts';
import {done, EXIT_DIFFERENT, failed, run} from './run-command.ts';
import {addSharedOptions, collect, engineOptions, type SharedFlags} from './shared-options.ts';
import {runDemo} from './demo/demo.ts';
import {
  captureText,
  doctorText,
  replicateText,
  snapshotsText,
  statusText,
} from './print/results.ts';
import {sayAside, tolerateLostOutput} from './terminal.ts';
import {addPolicies} from './policy-commands.ts';
import {addRun} from './service-command.ts';
import {addUndo} from './undo-commands.ts';
import {addUpgrade} from './upgrade-commands.ts';
import {version} from './version.ts';

/** Runs one command and gives its exit code. Never throws for an expected failure. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  tolerateLostOutput();
  let exitCode = 0;
  const {own, application} = split(args);
  const program = buildProgram((code) => {
    exitCode = code;
  }, application);
  try {
    await program.parseAsync([...own], {from: 'user'});
    return exitCode;
  } catch (error) {
    return refused(error, program, own.includes('--json'));
  }
}

type Split = {readonly own: readonly string[]; readonly application?: readonly string[]};

/** What stands after `run … --` is another program's, whatever it looks like. */
function split(args: readonly string[]): Split {
  const at = args.indexOf('--');
  if (args[0] !== 'run' || at < 0) return {own: args};
  return {own: args.slice(0, at), application: args.slice(at + 1)};
}

/** Commander has printed the help or version that was asked for; wrong usage is told in our own way. */
function refused(error: unknown, program: Command, json: boolean): number {
  if (!(error instanceof CommanderError)) return failed(error, json);
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') {
    sayAside(program.helpInformation());
    return EXIT_CODES.USAGE;
  }
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replaceAll('\n', ' ');
  const hint = 'rowplica --help lists commands and options.';
  return failed(new EngineError('USAGE', message, {hint}), json);
}

type Finish = (exitCode: number) => void;

function buildProgram(finish: Finish, application: readonly string[] | undefined): Command {
  const program = new Command('rowplica')
    .description('Keeps chosen tables of a database the same on every instance, row by row.')
    .version(version)
    .exitOverride()
    .configureOutput({writeErr: () => {}, outputError: () => {}})
    .helpCommand(false)
    .showHelpAfterError(false);
  addCapture(program, finish);
  addReplicate(program, finish);
  addPolicies(program, finish);
  addUndo(program, finish);
  addDiff(program, finish);
  addVerify(program, finish);
  addStatus(program, finish);
  addDoctor(program, finish);
  addDrill(program, finish);
  addHealth(program, finish);
  addConfig(program, finish);
  addUpgrade(program, finish);
  addCompat(program, finish);
  addRun(program, finish, application);
  addDemo(program, finish);
  return program;
}

type CaptureFlags = SharedFlags & {
  readonly allowDeletes?: readonly string[];
  readonly takeOver?: true;
};

function addCapture(program: Command, finish: Finish): void {
  const command = program
    .command('capture')
    .description('store the rows of this database as a snapshot, if they changed')
    .option(
      '--allow-deletes <table>',
      'let an instance without history take over although this table shrinks (repeatable)',
      collect,
    )
    .option('--take-over', 'be the primary from now on, whatever other instances stored');
  addSharedOptions(
    command,
    'rowplica capture --database kuma.db --store restic:/srv/backup',
  ).action(async (flags: CaptureFlags) => {
    finish(
      await run(flags, async (context) => {
        const {allowDeletes, takeOver} = flags;
        const options = {...engineOptions(flags, context), allowDeletes, takeOver};
        return done(await capture(options), captureText);
      }),
    );
  });
}

type ReplicateFlags = SharedFlags & {
  readonly dryRun?: true;
  readonly snapshot?: string;
  readonly verify?: string;
  readonly allowDeletes?: readonly string[];
  readonly allowTriggers?: true;
  readonly allowLongLock?: true;
  readonly repair?: true;
  readonly exitCode?: true;
};

function addReplicate(program: Command, finish: Finish): void {
  const command = program
    .command('replicate')
    .description('bring this database to the newest snapshot, in one transaction')
    .option('--dry-run', 'print the plan, write nothing')
    .option('--snapshot <id>', 'this snapshot instead of the newest one; may lead back')
    .option('--verify <how>', 'full: compare every row and prove every table', verifyHow)
    .option(
      '--allow-deletes <table>',
      'let the fuse pass for this table, in this run (repeatable)',
      collect,
    )
    .option('--repair', 'put back local edits that would stay until there is a new snapshot')
    .option('--allow-triggers', 'write tables whose triggers write other tables')
    .option(
      '--max-write-lock <duration>',
      'warn where the write lock would be held for longer (default: 500ms)',
    )
    .option('--allow-long-lock', 'hold the write lock for longer than that, in this run')
    .option('--exit-code', 'exit 4 where a dry run finds differences');
  addSharedOptions(
    command,
    'rowplica replicate --database kuma.db --store restic:/srv/backup --dry-run',
  ).action(async (flags: ReplicateFlags) => {
    finish(
      await run(flags, async (context) => {
        const result = await replicate({
          ...engineOptions(flags, context),
          dryRun: flags.dryRun,
          snapshot: flags.snapshot,
          verifyFull: flags.verify === 'full',
          repair: flags.repair,
          allowDeletes: flags.allowDeletes,
          allowTriggers: flags.allowTriggers,
          allowLongLock: flags.allowLongLock,
        });
        const writes = Object.values(result.tables).some(
          (t) => t.inserted + t.updated + t.deleted > 0,
        );
        return {
          ...done(result, replicateText),
          exitCode: replicateExit(result, flags.exitCode === true && writes),
        };
      }),
    );
  });
}

/** What waits for a decision counts more than what a dry run found. */
function replicateExit({conflicts, dryRun}: ReplicateResult, differs: boolean): number {
  if (conflicts.some(({open}) => open)) return EXIT_CODES.CONFLICTS;
  return dryRun && differs ? EXIT_DIFFERENT : 0;
}

function verifyHow(value: string): string {
  if (value === 'full') return value;
  throw new EngineError('USAGE', `--verify takes "full", not "${value}"`, {
    hint: 'Leave it out for the usual proof.',
  });
}

function addStatus(program: Command, finish: Finish): void {
  const statusCommand = program
    .command('status')
    .description('where this database stands, and what the store holds');
  addSharedOptions(statusCommand, 'rowplica status --database kuma.db').action(
    async (flags: SharedFlags) => {
      finish(
        await run(flags, async (context) =>
          done(await status(engineOptions(flags, context)), statusText),
        ),
      );
    },
  );
  const listCommand = program
    .command('snapshots')
    .description('the snapshots in the store, newest first');
  addSharedOptions(listCommand, 'rowplica snapshots --database kuma.db').action(
    async (flags: SharedFlags) => {
      finish(
        await run(flags, async (context) =>
          done(await snapshots(engineOptions(flags, context)), snapshotsText),
        ),
      );
    },
  );
}

function addDoctor(program: Command, finish: Finish): void {
  const command = program
    .command('doctor')
    .description('look at all that a run needs, and name what does not travel');
  addSharedOptions(command, 'rowplica doctor --database kuma.db').action(
    async (flags: SharedFlags) => {
      finish(
        await run(flags, async (context) => {
          const result = await doctor(engineOptions(flags, context));
          return {...done(result, doctorText), exitCode: result.exitCode};
        }),
      );
    },
  );
}

function addDemo(program: Command, finish: Finish): void {
  program
    .command('demo')
    .description('show the main job on two small databases made for it, in a passing folder')
    .option('--keep', 'keep the folder')
    .addHelpText('after', '\nExample:\n  rowplica demo --keep')
    .action(async (flags: {readonly keep?: true}) => {
      finish(await run({}, async (context) => runDemo(context, flags.keep === true)));
    });
}
