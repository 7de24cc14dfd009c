/**
 * Habits that no other tool checks: short files, no loose ends, a complete list of dependencies.
 */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';

const root = join(import.meta.dirname, '..');
const linesMax = 300;

test(`no source file is longer than ${linesMax} lines`, () => {
  const long = sources('src').filter(({text}) => text.trimEnd().split('\n').length > linesMax);
  expect(names(long)).toEqual([]);
});

test('every TODO carries a link', () => {
  const here = join('test', 'tidy.test.ts');
  const files = [...sources('src'), ...sources('test'), ...sources('scripts')];
  const loose = files
    .filter(({name}) => name !== here)
    .filter(({text}) => /\bTODO\b(?!.*https?:\/\/)/.test(text));
  expect(names(loose)).toEqual([]);
});

test('only the command line writes to the console', () => {
  const cli = join('src', 'cli');
  const noisy = sources('src')
    .filter(({name}) => !name.startsWith(cli))
    .filter(({text}) => /\bconsole\./.test(text));
  expect(names(noisy)).toEqual([]);
});

test('the lock file carries no download addresses', () => {
  expect(read('package-lock.json')).not.toContain('"resolved"');
});

test('every dependency has its reason in docs/dependencies.md', () => {
  const {dependencies, devDependencies} = JSON.parse(read('package.json')) as Packages;
  const table = read(join('docs', 'dependencies.md'));
  const packages = Object.keys({...dependencies, ...devDependencies});
  expect(packages.filter((name) => !table.includes(`| ${name} |`))).toEqual([]);
});

interface Packages {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

interface SourceFile {
  readonly name: string;
  readonly text: string;
}

function sources(folder: string): readonly SourceFile[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => join(folder, name))
    .map((name) => ({name, text: read(name)}));
}

function names(files: readonly SourceFile[]): readonly string[] {
  return files.map(({name}) => name);
}

function read(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}
