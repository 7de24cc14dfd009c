/** Which restic is installed, and what that version can do. */
import {EngineError} from '../../kernel/errors.ts';

export type ResticVersion = {readonly major: number; readonly minor: number};

/** The oldest version that the contract suite runs against: Debian 12's. */
const OLDEST: ResticVersion = {major: 0, minor: 14};

export type ResticFeatures = {
  /** `--retry-lock`: restic waits for a lock by itself. */
  readonly retryLock: boolean;
  /** `--no-scan`: a backup does not walk the folder twice. */
  readonly noScan: boolean;
};

export function featuresOf(version: ResticVersion): ResticFeatures {
  return {
    retryLock: isAtLeast(version, {major: 0, minor: 16}),
    noScan: isAtLeast(version, {major: 0, minor: 15}),
  };
}

/**
 * Reads what `restic version` prints.
 *
 * @throws {EngineError} `STORE_TOOL_MISSING` for text that is not restic's, and below 0.14.
 */
export function parseVersion(text: string): ResticVersion {
  const found = /^restic (\d+)\.(\d+)/m.exec(text);
  if (found === null) {
    throw new EngineError('STORE_TOOL_MISSING', 'the restic command does not tell its version', {
      hint: 'Check that ROWPLICA_RESTIC, or `restic` on the PATH, is the backup program restic.',
    });
  }
  const version = {major: Number(found[1]), minor: Number(found[2])};
  if (isAtLeast(version, OLDEST)) return version;
  throw new EngineError('STORE_TOOL_MISSING', `${found[0]} is too old: 0.14 is needed`, {
    hint: 'Install restic 0.14 or newer.',
  });
}

function isAtLeast(version: ResticVersion, other: ResticVersion): boolean {
  return (
    version.major > other.major || (version.major === other.major && version.minor >= other.minor)
  );
}
