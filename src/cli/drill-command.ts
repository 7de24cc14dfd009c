/** The command drill. */
import type {Command} from 'commander';
import {drill} from '../engine/drill.ts';
import {drillText} from './print/drill.ts';
import {run} from './run-command.ts';
import {addSharedOptions, engineOptions, type SharedFlags} from './shared-options.ts';

export function addDrill(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('drill')
    .description(
      'prove that the newest snapshot can be restored: into a passing database, read back and checked',
    );
  addSharedOptions(
    command,
    'rowplica drill --database kuma.db --store restic:/srv/backup',
  ).addHelpText(
    'after',
    '\nExit code: 0 where it was proven; 30 where the snapshot is damaged or reads back otherwise; 10 to 14 where store or database do not answer.',
  );
  command.action(async (flags: SharedFlags) => {
    finish(
      await run(flags, async (context) => {
        const result = await drill(engineOptions(flags, context));
        return {json: result, text: drillText(result), exitCode: 0};
      }),
    );
  });
}
