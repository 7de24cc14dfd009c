/** Why a snapshot of another version is not applied. */
import {EngineError} from '../kernel/errors.ts';

const NEWER = 'the snapshot is newer than this database: ';

/** The snapshot is newer, and stays for a later run. @param why What stands in the way here. */
export function upgradeFirst(why: string, table?: string, column?: string): EngineError {
  return new EngineError('UPGRADE_FIRST', NEWER + why, {
    site: {table, column},
    hint: 'Upgrade the application on this instance; nothing was written, and the next replicate goes on by itself.',
    retryable: true,
  });
}

/** The same error, told of one row. */
export function ofRow(error: EngineError, row: string): EngineError {
  const {table, column} = error.site;
  return upgradeFirst(`${row}: ${error.message.replace(NEWER, '')}`, table, column);
}

export function versionMismatch(why: string): EngineError {
  return new EngineError('VERSION_MISMATCH', `the snapshot cannot be applied: ${why}`, {
    hint: 'Bring the application to the same version on both instances, or add the step: see docs/migrations-compat.md.',
  });
}
