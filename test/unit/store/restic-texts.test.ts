/** Pure parts of the restic store: versions, tags, masks, locations and environments. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {makeEnvironment} from '../../../src/store/restic/environment.ts';
import {findLocation} from '../../../src/store/restic/location.ts';
import {makeMask, maskUrls} from '../../../src/store/restic/mask.ts';
import {decodeTags, encodeTags, parseListed} from '../../../src/store/restic/snapshot-tags.ts';
import {featuresOf, parseVersion} from '../../../src/store/restic/version.ts';

describe('version', () => {
  test.each([
    ['restic 0.14.0 compiled with go1.19.8 on linux/amd64', false, false],
    ['restic 0.15.2 compiled with go1.20 on linux/amd64', false, true],
    ['restic 0.16.0 compiled with go1.21 on linux/arm64', true, true],
    ['restic 0.18.1-dev (compiled manually) compiled with go1.24', true, true],
    ['warning: something\nrestic 1.0 compiled', true, true],
  ])('%s', (text, retryLock, noScan) => {
    expect(featuresOf(parseVersion(text))).toEqual({retryLock, noScan});
  });

  test.each(['restic 0.13.1 compiled', 'rustic 0.9.0', 'restic (devel)', ''])(
    'refuses %j',
    (text) => {
      expect(() => parseVersion(text)).toThrow(
        expect.objectContaining({code: 'STORE_TOOL_MISSING'}),
      );
    },
  );
});

describe('tags', () => {
  const label = {
    lineage: 'a,b=c d',
    epoch: 3,
    sequence: Number.MAX_SAFE_INTEGER,
    digest: 'ab12',
    author: 'Küche, 2',
    parent: 'cd34',
  };

  test.each([label, {...label, parent: undefined}])(
    'decode gives back what was encoded',
    (each) => {
      const tags = encodeTags(each);
      expect(tags.join('').includes(',')).toBe(false);
      expect(decodeTags([...tags].reverse().concat('someone-elses'))).toStrictEqual(each);
    },
  );

  test.each([
    ['without our mark', (tags: string[]) => tags.slice(1)],
    ['without a lineage', (tags: string[]) => tags.toSpliced(1, 1)],
    ['without an author', (tags: string[]) => tags.toSpliced(5, 1)],
    ['with two epochs', (tags: string[]) => [...tags, 'epoch=4']],
    ['with two parents', (tags: string[]) => [...tags, 'parent=ee']],
    ['with an empty parent', (tags: string[]) => tags.toSpliced(6, 1, 'parent=')],
    ['with an epoch of zero', (tags: string[]) => tags.toSpliced(2, 1, 'epoch=0')],
    ['with a sequence in hex', (tags: string[]) => tags.toSpliced(3, 1, 'sequence=0x1')],
    [
      'with a sequence too large',
      (tags: string[]) => tags.toSpliced(3, 1, 'sequence=9007199254740993'),
    ],
    ['with a digest that is none', (tags: string[]) => tags.toSpliced(4, 1, 'digest=xyz')],
    ['with a broken escape', (tags: string[]) => tags.toSpliced(1, 1, 'lineage=%')],
  ])('tags %s are not ours', (_, change) => {
    expect(decodeTags(change([...encodeTags(label)]))).toBeUndefined();
  });

  test('whatever restic lists, only well-formed snapshots of ours come out', () => {
    const ours = {id: 'ff', time: '2026-11-20T23:18:06.471610429+01:00', tags: encodeTags(label)};
    const listed = [
      null,
      1,
      {},
      {id: 1},
      {id: 'a', time: 'b', tags: null},
      {...ours, tags: [1]},
      ours,
    ];
    expect(parseListed(JSON.stringify(listed)).snapshots).toStrictEqual([
      {...label, storeId: 'ff', time: '2026-11-20T22:18:06.471Z'},
    ]);
    expect(parseListed('null')).toEqual({snapshots: [], alive: []});
  });
});

describe('mask', () => {
  test.each([
    ['rest:http://user:pass@host:8000/x', 'rest:http://user:***@host:8000/x'],
    ['rest:https://:pass@host/', 'rest:https://:***@host/'],
    ['http://u:p@ss@host/ and http://v:q@other/', 'http://u:***@host/ and http://v:***@other/'],
    ['rest:http://user@host/', 'rest:http://user@host/'],
    ['sftp:root@127.0.0.1:/x', 'sftp:root@127.0.0.1:/x'],
    ['/srv/backup', '/srv/backup'],
  ])('%s', (text, masked) => {
    expect(maskUrls(text)).toBe(masked);
  });

  test('hides secrets of the environment and of the address wherever they stand', () => {
    const env = {
      RESTIC_PASSWORD: 'hunter22',
      AWS_SECRET_ACCESS_KEY: 'aws-secret',
      AWS_ACCESS_KEY_ID: 'AKIA-public',
      RESTIC_PASSWORD_FILE: '/run/secret',
      SHORT_TOKEN: 'a',
    };
    const mask = makeMask(env, 'rest:http://user:p%40ss/word@host/');
    expect(mask('hunter22 aws-secret AKIA-public /run/secret p@ss/word p%40ss word')).toBe(
      '*** *** AKIA-public /run/secret *** *** ***',
    );
  });
});

describe('location and environment', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'rowplica-store-'))));
  afterAll(() => rm(folder, {recursive: true}));

  test.each([
    ['/srv/x', 'local:/srv/x'],
    ['local:/srv/x', 'local:/srv/x'],
    ['x', `local:${resolve('x')}`],
    ['./a:b', `local:${resolve('./a:b')}`],
    ['rest:http://h/', 'rest:http://h/'],
    ['s4:x', 's4:x'],
  ])('%s is %s', (address, repository) => {
    expect(findLocation(address, {}).repository).toBe(repository);
  });

  test('no repository at all is a usage error', () => {
    expect(() => findLocation(undefined, {})).toThrow(expect.objectContaining({code: 'USAGE'}));
    const env = {RESTIC_REPOSITORY_FILE: join(folder, 'absent')};
    expect(() => findLocation('', env)).toThrow(expect.objectContaining({code: 'USAGE'}));
  });

  test('a repository file stays in use, unless it names a folder, which an argument may have to name too', async () => {
    const file = join(folder, 'address');
    for (const [text, path] of [
      ['rest:http://u:p@h/\n', undefined],
      ['/abs', '/abs'],
      ['rel', resolve('rel')],
    ] as const) {
      await writeFile(file, text);
      const user = {RESTIC_REPOSITORY_FILE: file, RESTIC_PASSWORD: 'x'};
      const env = makeEnvironment({env: user, location: findLocation(undefined, user)});
      expect(env['RESTIC_REPOSITORY_FILE']).toBe(path === undefined ? file : undefined);
      expect(env['RESTIC_REPOSITORY']).toBe(path && `local:${path}`);
    }
  });

  test("restic's own variables pass through; a given repository goes before a named file", () => {
    const user = {
      RESTIC_REPOSITORY_FILE: '/x',
      RESTIC_PASSWORD_FILE: 'secret',
      RESTIC_PROGRESS_FPS: '3',
      AWS_PROFILE: 'p',
    };
    const location = findLocation('s3:h/b', user);
    const env = makeEnvironment({env: user, location, passwordFile: '/other'});
    expect(env).toEqual({
      RESTIC_REPOSITORY: 's3:h/b',
      RESTIC_PASSWORD_FILE: resolve('secret'),
      RESTIC_PROGRESS_FPS: '3',
      AWS_PROFILE: 'p',
    });
    expect(user.RESTIC_PASSWORD_FILE).toBe('secret');
  });

  test('the cache goes to the given folder only where restic would find none', () => {
    const cacheOf = (env: NodeJS.ProcessEnv) =>
      makeEnvironment({
        env: {...env, RESTIC_PASSWORD: 'x'},
        location: findLocation('/r', {}),
        cacheDir: '/state/cache',
      })['RESTIC_CACHE_DIR'];
    expect(cacheOf({})).toBe('/state/cache');
    expect(cacheOf({HOME: join(folder, 'absent')})).toBe('/state/cache');
    expect(cacheOf({HOME: folder})).toBeUndefined();
    expect(cacheOf({XDG_CACHE_HOME: folder})).toBeUndefined();
    expect(cacheOf({RESTIC_CACHE_DIR: '/mine'})).toBe('/mine');
  });
});
