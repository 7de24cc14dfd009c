/** Why a snapshot of another version is not applied. */
import {EngineError} from '../kernel/errors.ts';

/** The snapshot is newer, and stays for a later run. @param why What stands in the way here. */
export function upgradeFirst(why: string, table?: string, column?: string): EngineError {
  return new EngineError('UPGRADE_FIRST', `the snapshot is newer than this database: ${why}`, {
    site: {table, column},
    hint: 'Upgrade the application on this instance; nothing was written, and the next replicate goes on by itself.',
  });
}

export function versionMismatch(why: string): EngineError {
  return new EngineError('VERSION_MISMATCH', `the snapshot cannot be applied: ${why}`, {
    hint: 'Bring the application to the same version on both instances, or add the step: see docs/migrations-compat.md.',
  });
}
