import {join, resolve} from 'node:path';
import {expect, test} from 'vitest';
import {EngineError} from '../../../src/kernel/errors.ts';
import {silentLog} from '../../../src/kernel/log.ts';
import {withStoreErrors} from '../../../src/store/directory/store-errors.ts';
import {openStore} from '../../../src/store/open-store.ts';

const options = {env: {RESTIC_PASSWORD: 'x', RESTIC_REPOSITORY: '/env'}, host: 'h', log: silentLog};

test.each([
  ['restic:/srv/backup', 'restic:/srv/backup'],
  ['restic:rest:http://u:secret@h/', 'restic:rest:http://u:***@h/'],
  ['restic:', 'restic:/env'],
  ['dir:/srv/store', 'dir:/srv/store'],
  ['dir:store', `dir:${join(resolve(), 'store')}`],
])('%s opens %s', (address, name) => {
  expect(openStore(address, options).name).toBe(name);
});

test.each(['', '/srv/backup', 'dir:', 's3:h/b', 'http://u:secret@h/'])(
  '%j is refused',
  (address) => {
    expect(() => openStore(address, options)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        exitCode: 2,
        message: expect.not.stringContaining('secret'),
        hint: expect.stringMatching(/restic:.*dir:/),
      }),
    );
  },
);

test.each([
  ['EACCES', 'STORE_UNREACHABLE', true],
  ['EIO', 'STORE_UNREACHABLE', true],
  ['ESTALE', 'STORE_UNREACHABLE', true],
  ['EROFS', 'STORE_UNREACHABLE', true],
  ['ENOSPC', 'STORE_FAILED', false],
  ['ENOTDIR', 'STORE_FAILED', false],
])('%s of a folder is %s', async (system, code, retryable) => {
  const fail = () => Promise.reject(Object.assign(new Error(`${system}: failed`), {code: system}));
  await expect(withStoreErrors('/s', fail)).rejects.toMatchObject({code, retryable});
});

test('an error of our own, and a bug, pass through as they are', async () => {
  for (const error of [new EngineError('FUSE', 'x'), new TypeError('bug')]) {
    await expect(withStoreErrors('/s', () => Promise.reject(error))).rejects.toBe(error);
  }
});
