/** SQLite's error codes in the project's own terms. */
import Database from 'better-sqlite3';
import {EngineError, type ErrorCode, type ErrorSite} from '../../kernel/errors.ts';

type Rule = {
  readonly prefix: string;
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: string;
  readonly retryable?: boolean;
};

const RULES: readonly Rule[] = [
  {
    prefix: 'SQLITE_BUSY',
    code: 'DATABASE_BUSY',
    why: 'it is locked by another process',
    hint: 'Try again when the other process has finished its transaction.',
    retryable: true,
  },
  {
    prefix: 'SQLITE_LOCKED',
    code: 'DATABASE_BUSY',
    why: 'it is locked',
    hint: 'Try again when the other process has finished its transaction.',
    retryable: true,
  },
  {
    prefix: 'SQLITE_READONLY_ROLLBACK',
    code: 'DATABASE_UNFINISHED',
    why: 'a program died while it wrote to it, and what it left is to be rolled back first',
    hint: 'Start the application: it does so when it opens its database. Then run this again.',
    retryable: true,
  },
  {
    prefix: 'SQLITE_READONLY',
    code: 'DATABASE_READONLY',
    why: 'it may only be read',
    hint: 'Make the file and its folder writable for this user; SQLite writes beside the file too.',
  },
  {
    prefix: 'SQLITE_PERM',
    code: 'DATABASE_READONLY',
    why: 'access is denied',
    hint: 'Run as the user who owns the database file.',
  },
  {
    prefix: 'SQLITE_FULL',
    code: 'DATABASE_FULL',
    why: 'the disk is full',
    hint: 'Free some space; nothing was changed.',
    retryable: true,
  },
  {
    prefix: 'SQLITE_NOTADB',
    code: 'NOT_A_DATABASE',
    why: 'it is not an SQLite database, or it is encrypted',
    hint: 'Check the path given with --database.',
  },
  {
    prefix: 'SQLITE_CORRUPT',
    code: 'NOT_A_DATABASE',
    why: 'it is damaged',
    hint: 'Run PRAGMA integrity_check on a copy, and restore it from a backup.',
  },
  {
    prefix: 'SQLITE_CANTOPEN',
    code: 'DATABASE_IO',
    why: 'it cannot be opened',
    hint: 'Check its permissions (a database in WAL mode needs a folder that SQLite may write to), and that its path has less than 500 characters.',
  },
  {
    prefix: 'SQLITE_IOERR',
    code: 'DATABASE_IO',
    why: 'the disk reported an error',
    hint: 'Check the disk; nothing was changed.',
    retryable: true,
  },
];

/** Rethrows an error of SQLite as an EngineError; others pass as they are. */
export function translated(error: unknown, doing: string, site: ErrorSite): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (error.code.startsWith('SQLITE_CONSTRAINT')) return constraintError(error, doing, site);
  const rule = RULES.find(({prefix}) => error.code.startsWith(prefix));
  if (rule === undefined) return refusedBySqlite(error.code, doing, site, error);
  const {code, why, hint, retryable} = rule;
  return new EngineError(code, `${doing}: ${why}`, {
    site,
    hint,
    retryable: retryable ?? false,
    cause: error,
  });
}

/** What remains has to do with the schema: a function or collation that is missing here, a datatype, a limit. */
function refusedBySqlite(
  code: string,
  doing: string,
  site: ErrorSite,
  cause: unknown,
): EngineError {
  return new EngineError('DATABASE_REFUSED', `${doing}: SQLite refuses it (${code})`, {
    site,
    hint: 'The schema may need a function, collation or extension of the application, or exceed a limit of SQLite.',
    cause,
  });
}

/**
 * SQLite names the constraint in its message, except for triggers, whose text is the schema author's
 * and might hold values.
 */
function constraintError(
  error: InstanceType<typeof Database.SqliteError>,
  doing: string,
  site: ErrorSite,
): EngineError {
  const constraint =
    error.code === 'SQLITE_CONSTRAINT_TRIGGER' ? 'a trigger' : nameOf(error.message);
  return new EngineError('CONSTRAINT', `${doing}: ${constraint} forbids it`, {
    site: {...site, constraint},
    hint: 'This database holds or demands something that the snapshot does not; nothing was changed.',
    cause: error,
  });
}

/** `UNIQUE constraint failed: tag.name` becomes `UNIQUE (tag.name)`. */
function nameOf(message: string): string {
  const parts = /^(.+) constraint failed(?:: (.+))?$/s.exec(message);
  if (parts === null) return 'a constraint';
  return parts[2] === undefined ? `a ${parts[1]} constraint` : `${parts[1]} (${parts[2]})`;
}
