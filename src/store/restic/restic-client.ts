/** Commands of one repository: flags by version, waiting for locks, and failures as EngineErrors. */
import pRetry from 'p-retry';
import {EngineError, isEngineError, type ErrorCode} from '../../kernel/errors.ts';
import {
  RESTIC_QUICK_MS,
  RESTIC_QUOTE_CHARS_MAX,
  RESTIC_STOP_MS,
  RESTIC_TRANSFER_MS,
  STORE_LOCK_ATTEMPTS,
  STORE_LOCK_PAUSE_MS,
} from '../../kernel/limits.ts';
import type {Log} from '../../kernel/log.ts';
import {classify} from './classify.ts';
import type {Mask} from './mask.ts';
import {interrupted, runRestic, type Command, type Outcome} from './run-restic.ts';
import {featuresOf, parseVersion, type ResticFeatures} from './version.ts';

/** Milliseconds, each; see limits.ts for the defaults and reasons. */
export type ResticTimes = {
  readonly quickMs: number;
  readonly transferMs: number;
  readonly stopMs: number;
  readonly lockPauseMs: number;
};

export type ClientOptions = {
  readonly binary: string;
  readonly env: NodeJS.ProcessEnv;
  readonly mask: Mask;
  /** The repository's address or path, as restic prints it. */
  readonly address: string;
  readonly name: string;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  readonly times: Partial<ResticTimes> | undefined;
};

type CommandRequest = Omit<Command, 'timeoutMs'> & {
  /** It moves data: RESTIC_TRANSFER_MS instead of RESTIC_QUICK_MS. */
  readonly transfers?: boolean;
  /** Exit codes besides 0 that the caller handles. */
  readonly accepted?: readonly number[];
  /** The snapshot it is about, for messages. */
  readonly snapshot?: string | undefined;
};

export type ResticClient = {
  readonly name: string;
  readonly log: Log;
  features(): Promise<ResticFeatures>;
  /** Runs a command that takes no lock. */
  read(request: CommandRequest): Promise<Outcome>;
  /** Runs a command that takes a lock, and waits a while for another's. */
  change(request: CommandRequest): Promise<Outcome>;
};

const HINTS: {readonly [Code in ErrorCode]?: string} = {
  STORE_MISSING: 'The first capture on the primary creates it; else check the address.',
  STORE_LOCKED: 'Try again when the other restic command has ended; `restic unlock` if it died.',
  STORE_PASSWORD: 'Set RESTIC_PASSWORD_FILE to a file with the password of this repository.',
  STORE_UNREACHABLE: 'Check the address, the network and the credentials, then try again.',
  SNAPSHOT_UNKNOWN: 'List the snapshots to see which exist.',
  SNAPSHOT_CORRUPT: 'Run `restic check --read-data`; an older snapshot may be whole.',
  STORE_DAMAGED:
    'Run `restic check --read-data` to see all of it; restic\'s manual, "Troubleshooting", says how to repair a repository.',
  USAGE: 'Name the repository as restic does: a path, or sftp:…, rest:…, s3:…, b2:…',
};
const HINT_SPACE = 'Make space where the repository is kept, then try again.';

/** A client that probes the version at the first command. */
export function makeClient(options: ClientOptions): ResticClient {
  let features: Promise<ResticFeatures> | undefined;
  const probe = () =>
    (features ??= probeFeatures(options).catch((error: unknown) => {
      features = undefined;
      throw error;
    }));
  return {
    name: options.name,
    log: options.log,
    features: probe,
    read: async (request) => {
      await probe();
      return runOrThrow(options, request);
    },
    change: async (request) => runLocking(options, request, await probe()),
  };
}

async function probeFeatures(options: ClientOptions): Promise<ResticFeatures> {
  const {stdout} = await runOrThrow(options, {args: ['version']});
  return featuresOf(parseVersion(stdout));
}

async function runLocking(
  options: ClientOptions,
  request: CommandRequest,
  features: ResticFeatures,
): Promise<Outcome> {
  const pauseMs = options.times?.lockPauseMs ?? STORE_LOCK_PAUSE_MS;
  if (features.retryLock) {
    const waitSeconds = Math.ceil((pauseMs * (2 ** (STORE_LOCK_ATTEMPTS - 1) - 1)) / 1000);
    return runOrThrow(options, {
      ...request,
      args: [...request.args, `--retry-lock=${waitSeconds}s`],
    });
  }
  try {
    return await pRetry(() => runOrThrow(options, request), {
      retries: STORE_LOCK_ATTEMPTS - 1,
      minTimeout: pauseMs,
      shouldRetry: ({error}) => isEngineError(error, 'STORE_LOCKED'),
      onFailedAttempt: ({error, retriesLeft}) => {
        if (isEngineError(error, 'STORE_LOCKED')) {
          options.log.info('the repository is locked, waiting', {retriesLeft});
        }
      },
      ...(options.signal === undefined ? {} : {signal: options.signal}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw interrupted(request.args[0] ?? '');
    throw error;
  }
}

async function runOrThrow(options: ClientOptions, request: CommandRequest): Promise<Outcome> {
  const {transfers = false, accepted = [], snapshot, ...command} = request;
  const {times} = options;
  const timeoutMs = transfers
    ? (times?.transferMs ?? RESTIC_TRANSFER_MS)
    : (times?.quickMs ?? RESTIC_QUICK_MS);
  const outcome = await runRestic(
    {...options, stopMs: times?.stopMs ?? RESTIC_STOP_MS},
    {...command, timeoutMs},
  );
  const masked = {...outcome, stderr: options.mask(outcome.stderr)};
  if (outcome.timedOut) throw timedOut(options.name, command.args, timeoutMs);
  if (outcome.exitCode === 0) return masked;
  if (outcome.exitCode !== undefined && accepted.includes(outcome.exitCode)) return masked;
  throw failure(options, command.args, masked, snapshot);
}

function timedOut(name: string, args: readonly string[], timeoutMs: number): EngineError {
  return new EngineError(
    'STORE_UNREACHABLE',
    `restic ${args[0]} on ${name} did not end within ${Math.round(timeoutMs / 1000)} s`,
    {hint: HINTS.STORE_UNREACHABLE, retryable: true},
  );
}

function failure(
  options: ClientOptions,
  args: readonly string[],
  outcome: Outcome,
  snapshot: string | undefined,
): EngineError {
  const {address, name} = options;
  const {code, reason} = classify(outcome.exitCode, outcome.stderr.replaceAll(address, '(store)'));
  const quote = reason.slice(0, RESTIC_QUOTE_CHARS_MAX);
  return new EngineError(code, `restic ${args[0]} failed on ${name}: ${quote}`, {
    site: {snapshot},
    hint: /space|quota/i.test(quote) && code === 'STORE_FAILED' ? HINT_SPACE : HINTS[code],
    retryable: code === 'STORE_LOCKED' || code === 'STORE_UNREACHABLE',
  });
}
