/**
 * What a failed restic command means. Exit codes count where they say something (restic 0.17 and
 * later); before that, and for the rest, the text decides. What is not recognised is a failure.
 */
import type {ErrorCode} from '../../kernel/errors.ts';

export type Verdict = {
  readonly code: ErrorCode;
  /** The line that decided, without restic's own prefixes. */
  readonly reason: string;
};

/** restic's documented exit codes. 10 and 11 came with 0.17, 12 with 0.17.1; older ones never use them. */
const BY_EXIT_CODE: ReadonlyMap<number, ErrorCode> = new Map([
  [10, 'STORE_MISSING'],
  [11, 'STORE_LOCKED'],
  [12, 'STORE_PASSWORD'],
  [130, 'INTERRUPTED'],
]);

/**
 * Line by line, the first rule that matches anywhere. "Unreachable" comes before "missing": restic
 * asks "Is there a repository at the following location?" for both, and a missing repository is
 * created. Whatever is not plainly an absent `config` file must not look like one.
 */
const BY_TEXT: readonly (readonly [ErrorCode, RegExp])[] = [
  ['STORE_PASSWORD', /wrong password or no key found|empty password|resolving password failed/i],
  ['STORE_LOCKED', /repository is already locked/i],
  ['STORE_FAILED', /no space left on device|quota exceeded|not enough space/i],
  ['SNAPSHOT_UNKNOWN', /no matching ID found|no snapshot found|multiple IDs with prefix/i],
  ['SNAPSHOT_INCOMPLETE', /path "?.*"? not found in snapshot/i],
  ['USAGE', /parsing repository location failed|invalid backend/i],
  ['STORE_UNREACHABLE', /connection refused|connection reset|no such host|broken pipe/i],
  ['STORE_UNREACHABLE', /no route to host|(?:network|host) is (?:unreachable|down)/i],
  ['STORE_UNREACHABLE', /i\/o timeout|timed out|timeout exceeded|handshake timeout|deadline exc/i],
  ['STORE_UNREACHABLE', /temporary failure|server misbehaving|x509:|tls: |host key verification/i],
  ['STORE_UNREACHABLE', /HTTP response \((?!404)\d+\)|\b(?:401|403|429|50\d) [A-Z]/],
  [
    'STORE_UNREACHABLE',
    /access ?denied|permission denied|forbidden|unauthorized|InvalidAccessKey/i,
  ],
  ['STORE_UNREACHABLE', /SignatureDoesNotMatch|signature we calculated|slow ?down/i],
  ['STORE_UNREACHABLE', /start the sftp session|error talking HTTP to rclone|unable to start/i],
  ['STORE_UNREACHABLE', /input\/output error|stale (?:NFS )?file handle|read-only file system/i],
  ['STORE_MISSING', /config file.*(?:no such file|does ?n[o']t exist|not found|NotFound|NoSuch)/i],
  ['STORE_MISSING', /config file.*(?:HTTP response \(404\)|cannot find the (?:file|path))/i],
  ['STORE_DAMAGED', /repository contains errors/i],
  [
    'SNAPSHOT_CORRUPT',
    /verification failed|invalid data returned|hash mismatch|could not load snap/i,
  ],
  [
    'SNAPSHOT_CORRUPT',
    /(?:StreamPack|ReadFull|Load\(<(?:data|index|snapshot)).*(?:no such|exist|EOF)/,
  ],
  ['SNAPSHOT_CORRUPT', /(?:blob|tree|pack)\b.*not (?:found|exist)|not found in (?:the )?index/i],
];

/**
 * Names what went wrong. `stderr` should not hold the repository's address: a path may contain any
 * of the words looked for. Never STORE_MISSING when in doubt, and never a success.
 */
export function classify(exitCode: number | undefined, stderr: string): Verdict {
  const lines = linesOf(stderr);
  const byExitCode = exitCode === undefined ? undefined : BY_EXIT_CODE.get(exitCode);
  if (byExitCode !== undefined) return {code: byExitCode, reason: fatalLine(lines)};

  for (const [code, pattern] of BY_TEXT) {
    const reason = lines.find((line) => pattern.test(line));
    if (reason === undefined) continue;
    // What the errors are stands above.
    const told = code === 'STORE_DAMAGED' ? (lines[0] ?? reason) : reason;
    return {code, reason: withoutPrefix(told)};
  }
  return {code: 'STORE_FAILED', reason: fatalLine(lines)};
}

/** The readable lines of stderr: with `--json`, newer versions report as JSON. */
export function linesOf(stderr: string): readonly string[] {
  return stderr
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? linesOfJson(line) : [line]))
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function linesOfJson(line: string): readonly string[] {
  try {
    const report: {message?: unknown; item?: unknown; error?: {message?: unknown}} =
      JSON.parse(line);
    const item = typeof report.item === 'string' ? `${report.item}: ` : '';
    const text = report.message ?? report.error?.message;
    return typeof text === 'string' ? `${item}${text}`.split('\n') : [line];
  } catch {
    return [line];
  }
}

function fatalLine(lines: readonly string[]): string {
  const fatal = lines.find((line) => line.startsWith('Fatal:')) ?? lines.at(-1);
  return fatal === undefined ? 'restic gave no reason' : withoutPrefix(fatal);
}

function withoutPrefix(line: string): string {
  return line.replace(/^(?:Fatal: )+/, '');
}
