/** The commands that look at an upgrade before it happens: check-schema and upgrade-check. */
import type {Command} from 'commander';
import {checkSchema} from '../engine/check-schema.ts';
import {EngineError, EXIT_CODES} from '../kernel/errors.ts';
import {durationOf} from '../config/config.ts';
import type {Migration} from '../engine/run-migration.ts';
import {upgradeCheck} from '../engine/upgrade-check.ts';
import {checkSchemaText} from './print/judgement.ts';
import {upgradeCheckText} from './print/upgrade.ts';
import {run} from './run-command.ts';
import {addSharedOptions, collect, engineOptions, type SharedFlags} from './shared-options.ts';

const EXIT_NOT_SAFE: number = EXIT_CODES.SCHEMA_MISMATCH;

export function addUpgrade(program: Command, finish: (exitCode: number) => void): void {
  addCheckSchema(program, finish);
  addUpgradeCheck(program, finish);
}

type UpgradeFlags = SharedFlags & {
  readonly migrate?: string;
  readonly migrateTimeout?: string;
  readonly migrateSql?: readonly string[];
  readonly to?: string;
  readonly draft?: string;
};

function addUpgradeCheck(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('upgrade-check')
    .description('rehearse an upgrade of the application on a copy of this database')
    .option('--migrate <command>', 'shell command that upgrades the database at $ROWPLICA_SCRATCH')
    .option('--migrate-timeout <duration>', 'how long it may take (default: 30m)')
    .option(
      '--migrate-sql <file>',
      'SQL to run on the copy instead (repeatable, in order)',
      collect,
    )
    .option('--to <database>', 'a copy that was upgraded already, instead')
    .option('--draft <file>', 'write a compat step for migrations that have none yet');
  addSharedOptions(
    command,
    'rowplica upgrade-check --database kuma.db --migrate \'my-upgrade "$ROWPLICA_SCRATCH"\'',
  ).action(async (flags: UpgradeFlags) => {
    finish(
      await run(flags, async (context) => {
        const options = engineOptions(flags, context);
        const migration = migrationOf(flags);
        const result = await upgradeCheck({...options, migration, draft: flags.draft});
        const exitCode = result.verdict === 'safe' ? 0 : EXIT_NOT_SAFE;
        return {json: result, text: upgradeCheckText(result), exitCode};
      }),
    );
  });
}

function migrationOf({migrate, migrateTimeout, migrateSql, to}: UpgradeFlags): Migration {
  const given = [migrate, migrateSql, to].filter((way) => way !== undefined);
  if (given.length !== 1)
    throw new EngineError('USAGE', 'upgrade-check takes one of --migrate, --migrate-sql and --to', {
      hint: 'Say how the copy is upgraded: by a shell command, by files of SQL, or that it was upgraded already.',
    });
  if (migrateSql !== undefined) return {kind: 'sql', files: migrateSql};
  if (to !== undefined) return {kind: 'done', database: to};
  const timeoutMs = durationOf('--migrate-timeout', migrateTimeout);
  return {kind: 'command', command: migrate ?? '', timeoutMs};
}

function addCheckSchema(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('check-schema')
    .description('whether the newest snapshot, or another database, fits this database')
    .argument('[other]', 'a database to compare with, instead of the newest snapshot');
  addSharedOptions(command, 'rowplica check-schema --database kuma.db other-instance.db').action(
    async (other: string | undefined, flags: SharedFlags) => {
      finish(
        await run(flags, async (context) => {
          const result = await checkSchema({...engineOptions(flags, context), other});
          const fits = result.verdict === 'identical' || result.verdict === 'compatible';
          const exitCode = fits ? 0 : EXIT_NOT_SAFE;
          return {json: result, text: checkSchemaText(result), exitCode};
        }),
      );
    },
  );
}
