/** compat new: drafts a compat step from a database and an upgraded copy of it. Writes no database. */
import {writeFileSync} from 'node:fs';
import {EngineError} from '../kernel/errors.ts';
import {draftStep, type Draft} from './compat-draft.ts';
import {loadSteps} from './compat-files.ts';
import {stepsFor} from './compat-proof.ts';
import {migrationsBetween, readSide, type DatabasePair} from './compat-sides.ts';
import {withDatabase} from './open.ts';
import type {EngineOptions} from './options.ts';

export type CompatNewOptions = Omit<EngineOptions, 'database'> &
  DatabasePair & {
    /** A file that is not there yet; left out, the text is only returned. */
    readonly out?: string | undefined;
  };

export type CompatNewResult = Draft & {
  readonly application: string;
  /** Those that no step is about yet. */
  readonly migrations: readonly string[];
  readonly file: string | null;
};

/** @throws {EngineError} `USAGE` where there is nothing to draft, or the file is there. */
export async function compatNew(given: CompatNewOptions): Promise<CompatNewResult> {
  const {from, to, out} = given;
  const options = {...given, database: from};
  const drafted = await withDatabase(options, from, (older) =>
    withDatabase(options, to, (newer) =>
      older.view((one) =>
        newer.view(async (other) => {
          const [before, after] = [await readSide(one, options), await readSide(other, options)];
          const added = migrationsBetween({from, to}, before, after);
          const application = before.profile.name;
          const {steps, withoutStep} = stepsFor(loadSteps(application, options.compat), added);
          if (withoutStep.length === 0) throw nothingToDraft({from, to}, added.length > 0);
          const request = {before, after, steps, migrations: withoutStep};
          return {application, migrations: withoutStep, ...(await draftStep(options, request))};
        }),
      ),
    ),
  );
  if (out !== undefined) writeDraft(out, drafted.text);
  return {...drafted, file: out ?? null};
}

function nothingToDraft({from, to}: DatabasePair, hasMigrations: boolean): EngineError {
  if (hasMigrations)
    return new EngineError('USAGE', 'every migration between these databases has a step already', {
      hint: `Prove them: rowplica compat check --from ${from} --to ${to}.`,
    });
  return new EngineError('USAGE', `${to} has no migration that ${from} lacks`, {
    hint: 'Give with --to a copy of the database at --from that the application has upgraded.',
  });
}

/** Never over a file that is there: a person may have worked on it. @throws {EngineError} `USAGE`. */
export function writeDraft(path: string, text: string): void {
  try {
    writeFileSync(path, text, {flag: 'wx'});
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new EngineError(
      'USAGE',
      `cannot write ${path}: ${isThere ? 'it is there already' : 'its folder is not there, or may not be written'}`,
      {
        site: {path},
        hint: 'Name another file.',
        cause,
      },
    );
  }
}
