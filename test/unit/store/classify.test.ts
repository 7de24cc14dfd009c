/** The texts are restic's own, from runs of 0.14.0 unless a version is named. */
import {expect, test} from 'vitest';
import {classify, linesOf} from '../../../src/store/restic/classify.ts';

const ask = 'Is there a repository at the following location?\n(store)';
const open = (reason: string) => `Fatal: unable to open config file: ${reason}\n${ask}`;

test.each([
  // Missing: the config file is plainly absent.
  ['STORE_MISSING', 1, open('stat (store)/config: no such file or directory')],
  ['STORE_MISSING', 1, open('<config/> does not exist')],
  ['STORE_MISSING', 1, open('Lstat: file does not exist')],
  ['STORE_MISSING', 1, open('Stat: The specified key does not exist.')],
  ['STORE_MISSING', 1, open('Stat: The specified bucket does not exist')],
  // 0.17 and later.
  ['STORE_MISSING', 10, `Fatal: repository does not exist: ${open('anything')}`],
  [
    'STORE_MISSING',
    10,
    '{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist"}',
  ],

  // Unreachable, although the question is the same.
  [
    'STORE_UNREACHABLE',
    1,
    open('client.Head: Head "(store)": dial tcp 127.0.0.1:9: connect: connection refused'),
  ],
  [
    'STORE_UNREACHABLE',
    1,
    open('client.Head: dial tcp: lookup h.invalid on 10.0.0.1:53: no such host'),
  ],
  ['STORE_UNREACHABLE', 1, open('unexpected HTTP response (500): 500 Internal Server Error')],
  ['STORE_UNREACHABLE', 1, open('unexpected HTTP response (401): 401 Unauthorized')],
  ['STORE_UNREACHABLE', 1, open('Stat: Access Denied.')],
  ['STORE_UNREACHABLE', 1, open('Stat: 503 Service Unavailable')],
  ['STORE_UNREACHABLE', 1, open('stat (store)/config: permission denied')],
  ['STORE_UNREACHABLE', 1, open('stat (store)/config: input/output error')],
  ['STORE_UNREACHABLE', 1, open('stat (store)/config: stale NFS file handle')],
  ['STORE_UNREACHABLE', 1, open('net/http: TLS handshake timeout')],
  ['STORE_UNREACHABLE', 1, open('x509: certificate signed by unknown authority')],
  [
    'STORE_UNREACHABLE',
    1,
    'subprocess ssh: ssh: connect to host 127.0.0.1 port 22: Connection refused\nFatal: unable to open repository at (store): unable to start the sftp session, error: EOF',
  ],
  [
    'STORE_UNREACHABLE',
    1,
    'Fatal: unable to open repository at (store): unable to start the sftp session, error: read |0: file already closed',
  ],
  [
    'STORE_UNREACHABLE',
    1,
    'Fatal: unable to open repository at (store): error talking HTTP to rclone: Get "http://localhost/file-55": unexpected EOF',
  ],

  [
    'STORE_DAMAGED',
    1,
    'Pack ID does not match, want fbd5, got 407a\nFatal: repository contains errors',
  ],
  ['STORE_DAMAGED', 1, 'pack fbd5: does not exist\nFatal: repository contains errors'],
  [
    'STORE_UNREACHABLE',
    1,
    'error: Get "(store)": dial tcp 127.0.0.1:9: connect: connection refused\nFatal: repository contains errors',
  ],

  ['STORE_PASSWORD', 1, 'Fatal: wrong password or no key found'],
  ['STORE_PASSWORD', 12, 'Fatal: anything'],
  [
    'STORE_PASSWORD',
    1,
    'reading repository password from stdin\nFatal: an empty password is not a password',
  ],
  ['STORE_PASSWORD', 1, 'Resolving password failed: Fatal: /config file does not exist'],
  ['STORE_PASSWORD', 1, 'Resolving password failed: fork/exec /nope: no such file or directory'],

  [
    'STORE_LOCKED',
    1,
    'unable to create lock in backend: repository is already locked exclusively by PID 12336 on vm by root (UID 0, GID 0)\nlock was created at 2026-11-20 23:29:08 (913ms ago)',
  ],
  ['STORE_LOCKED', 11, 'anything'],
  ['STORE_UNREACHABLE', 1, 'unable to create lock in backend: connection refused'],

  [
    'STORE_FAILED',
    1,
    'Fatal: unable to save snapshot: write (store)/data/8b/8b9e-tmp-3: no space left on device',
  ],
  ['STORE_FAILED', 1, 'Fatal: create repository at (store) failed: config file already exists'],
  [
    'STORE_FAILED',
    1,
    'Fatal: unable to open repository at (store): ReadDir: open (store)/keys: not a directory',
  ],
  ['STORE_FAILED', 1, 'unknown flag: --retry-lock'],
  ['STORE_FAILED', 2, 'panic: runtime error: slice bounds out of range [16:2]'],
  ['STORE_FAILED', 99, ''],
  ['STORE_FAILED', undefined, ''],
  ['USAGE', 1, 'Fatal: parsing repository location failed: invalid backend'],
  ['INTERRUPTED', 130, 'signal interrupt received, cleaning up'],

  ['SNAPSHOT_UNKNOWN', 1, 'invalid id "abcdef00": no matching ID found for prefix "abcdef00"'],
  ['SNAPSHOT_INCOMPLETE', 2, 'cannot dump file: path "/nope" not found in snapshot'],
  [
    'SNAPSHOT_CORRUPT',
    1,
    'ignoring error for /objects/3/3f: ciphertext verification failed\nFatal: There were 5 errors',
  ],
  [
    'SNAPSHOT_CORRUPT',
    1,
    'ignoring error for /objects/3/3e: StreamPack: open (store)/data/39/39a4: no such file or directory\nFatal: There were 4 errors',
  ],
  ['SNAPSHOT_CORRUPT', 1, 'ignoring error for /objects/3/3e: StreamPack: ReadFull: unexpected EOF'],
  [
    'SNAPSHOT_CORRUPT',
    1,
    'cannot dump file: ReadFull(<data/39a4e47ae7>): open (store)/data/39/39a4: no such file or directory',
  ],
  ['SNAPSHOT_CORRUPT', 1, 'Fatal: load <index/c865f16ac4>: invalid data returned'],
  [
    'SNAPSHOT_CORRUPT',
    2,
    'creating restorer failed: load <snapshot/89ad056257>: invalid data returned',
  ],
  [
    'STORE_UNREACHABLE',
    1,
    'Load(<data/39a4e47ae7>, 1100154, 43) returned error, retrying after 552ms: dial tcp: connection refused',
  ],
] as const)('%s: exit %s, %s', (code, exitCode, stderr) => {
  expect(classify(exitCode, stderr).code).toBe(code);
});

test('the reason is the line that decided, without prefixes', () => {
  const stderr =
    'restoring\nignoring error for /a: ciphertext verification failed\nFatal: There were 5 errors';
  expect(classify(1, stderr).reason).toBe('ignoring error for /a: ciphertext verification failed');
  expect(classify(1, 'noise\nFatal: Fatal: odd\nmore').reason).toBe('odd');
  expect(classify(1, '').reason).toBe('restic gave no reason');
});

test('reads the lines of JSON reports, and keeps what is not JSON', () => {
  const stderr = [
    '{"message_type":"error","error":{"message":"permission denied"},"item":"/x"}',
    '{"message_type":"exit_error","code":1,"message":"Fatal: one\\ntwo"}',
    '{"other":1}',
    '{broken',
    '',
  ];
  expect(linesOf(stderr.join('\n'))).toEqual([
    '/x: permission denied',
    'Fatal: one',
    'two',
    '{"other":1}',
    '{broken',
  ]);
});

test('of a damaged repository, the first error is told', () => {
  const stderr = 'pack fbd5: does not exist\nFatal: repository contains errors\n';
  expect(classify(1, stderr).reason).toBe('pack fbd5: does not exist');
});
