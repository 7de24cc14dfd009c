/** The commands that look at an upgrade before it happens: check-schema and upgrade-check. */
import type {Command} from 'commander';
import {checkSchema} from '../engine/check-schema.ts';
import {EXIT_CODES} from '../kernel/errors.ts';
import {checkSchemaText} from './print/judgement.ts';
import {run} from './run-command.ts';
import {addSharedOptions, engineOptions, type SharedFlags} from './shared-options.ts';

const EXIT_NOT_SAFE: number = EXIT_CODES.SCHEMA_MISMATCH;

export function addUpgrade(program: Command, finish: (exitCode: number) => void): void {
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
