/** The schema that editors read says what Rowplica itself accepts. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {stepJsonSchema} from '../../../src/compat/json-schema.ts';

const folder = join(import.meta.dirname, '../../../migrations-compat');

test('migrations-compat/schema.json is what `npm run compat:schema` writes', () => {
  const published: unknown = JSON.parse(readFileSync(join(folder, 'schema.json'), 'utf8'));
  expect(published).toEqual(JSON.parse(JSON.stringify(stepJsonSchema())));
});

test('every compat file names it in its first line', () => {
  const files = readdirSync(join(folder, 'uptime-kuma'));
  const without = files.filter(
    (name) =>
      !readFileSync(join(folder, 'uptime-kuma', name), 'utf8').startsWith(
        '# yaml-language-server: $schema=../schema.json\n',
      ),
  );
  expect(without).toEqual([]);
});
