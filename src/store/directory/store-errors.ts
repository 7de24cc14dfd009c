/** What a failing file system means for a directory store. */
import {EngineError} from '../../kernel/errors.ts';

const UNREACHABLE = [
  'EACCES',
  'EPERM',
  'EIO',
  'ESTALE',
  'EROFS',
  'ETIMEDOUT',
  'ENOTCONN',
  'EHOSTDOWN',
];
const FULL = ['ENOSPC', 'EDQUOT'];
/** What only a file that is written can meet. */
const UNWRITABLE = [...FULL, 'EROFS'];

/** The system's code of an error, for example `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Runs work on a store's files; failures of the file system become EngineErrors. */
export async function withStoreErrors<Result>(
  root: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof EngineError || code === undefined) throw error;
    throw storeError(root, code, error);
  }
}

/** A copy out of the store that failed: where it was to go, if that is what the code tells, and not the store. */
export function copyError(target: string, error: unknown): unknown {
  if (!UNWRITABLE.includes(codeOf(error) ?? '')) return error;
  const reason = error instanceof Error ? error.message : '';
  return new EngineError('STATE_UNWRITABLE', `cannot write ${target}: ${reason}`, {
    site: {path: target},
    hint: 'Make room or access for the state folder, or choose another with --state.',
    retryable: true,
    cause: error,
  });
}

function storeError(root: string, code: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : code;
  if (UNREACHABLE.includes(code)) {
    return new EngineError('STORE_UNREACHABLE', `cannot use the store in ${root}: ${reason}`, {
      site: {path: root},
      hint: 'Check that the folder is mounted and that this user may read and write it.',
      retryable: true,
      cause,
    });
  }
  return new EngineError('STORE_FAILED', `the store in ${root} failed: ${reason}`, {
    site: {path: root},
    hint: FULL.includes(code) ? 'Make space where the store is kept, then try again.' : undefined,
    cause,
  });
}
