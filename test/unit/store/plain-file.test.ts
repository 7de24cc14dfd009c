import {randomBytes} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {STORE_PART_BYTES} from '../../../src/kernel/limits.ts';
import {copyPlain, readPlain} from '../../../src/store/directory/plain-file.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const part = STORE_PART_BYTES;

test.each([0, 1, 4096, part - 1, part, part + 1, 2 * part, 2 * part + 7])(
  'copies and reads a file of %i bytes',
  async (size) => {
    const [from, to] = ['from', 'to'].map((name) => join(tempFolder(), name)) as [string, string];
    const text = randomBytes(Math.ceil(size / 2))
      .toString('hex')
      .slice(0, size);
    writeFileSync(from, text);
    for (const most of [Math.max(size, 1), size + 1, 10 * part]) {
      await copyPlain(from, to, most);
      expect(readFileSync(to, 'utf8') === text).toBe(true);
      expect((await readPlain(from, most)) === text).toBe(true);
    }
    if (size > 0) {
      const refused = {code: 'SNAPSHOT_CORRUPT'};
      await expect(copyPlain(from, to, size - 1)).rejects.toMatchObject(refused);
      await expect(readPlain(from, size - 1)).rejects.toMatchObject(refused);
    }
  },
);

test('a copy takes the place of a longer file', async () => {
  const [from, to] = ['from', 'to'].map((name) => join(tempFolder(), name)) as [string, string];
  writeFileSync(from, 'short');
  writeFileSync(to, 'much longer');
  await copyPlain(from, to, 100);
  expect(readFileSync(to, 'utf8')).toBe('short');
});
