/** The commands undo and resume. */
import type {Command} from 'commander';
import {resume} from '../engine/held.ts';
import {undo} from '../engine/undo.ts';
import {resumeText, undoText} from './print/undo.ts';
import {run} from './run-command.ts';
import {addSharedOptions, engineOptions, type SharedFlags} from './shared-options.ts';

type UndoFlags = SharedFlags & {readonly dryRun?: true; readonly allowTriggers?: true};

export function addUndo(program: Command, finish: (exitCode: number) => void): void {
  const undoCommand = program
    .command('undo')
    .description('bring back the rows from before the last replicate, and hold this replica there')
    .option('--dry-run', 'print the plan, write nothing')
    .option('--allow-triggers', 'write tables whose triggers write other tables');
  addSharedOptions(undoCommand, 'rowplica undo --database kuma.db --dry-run').action(
    async (flags: UndoFlags) => {
      finish(
        await run(flags, async (context) => {
          const {dryRun, allowTriggers} = flags;
          const result = await undo({...engineOptions(flags, context), dryRun, allowTriggers});
          return {json: result, text: undoText(result), exitCode: 0};
        }),
      );
    },
  );
  const resumeCommand = program
    .command('resume')
    .description('let a replica that an undo holds follow again');
  addSharedOptions(resumeCommand, 'rowplica resume --database kuma.db').action(
    async (flags: SharedFlags) => {
      finish(
        await run(flags, async (context) => {
          const result = await resume(engineOptions(flags, context));
          return {json: result, text: resumeText(result), exitCode: 0};
        }),
      );
    },
  );
}
