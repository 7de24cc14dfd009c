/** Variables, and the files that may hold their values. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {loadConfig} from '../../../src/config/config.ts';
import {ALL_SETTINGS} from '../../../src/config/settings.ts';
import {valueOfFile, variableOf, withValuesOfFiles} from '../../../src/config/variables.ts';
import {isEngineError} from '../../../src/kernel/errors.ts';
import {VARIABLE_FILE_BYTES_MAX} from '../../../src/kernel/limits.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';

const secret = 'hunter2-hunter2-hunter2';
const folder = temporaryFolder();

function file(content: string, name = 'value'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const refused = (told: RegExp): object =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    exitCode: 2,
    message: expect.stringMatching(told),
    hint: expect.any(String),
  });

/** What a refusal tells, all of it. */
function toldBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isEngineError(error)) return JSON.stringify([error.message, error.hint, error.site]);
  }
  throw new Error('it was not refused');
}

test.each([
  [secret, secret],
  [`${secret}\n`, secret],
  [`${secret}\r\n`, secret],
  [` ${secret} `, ` ${secret} `],
])('a file of %j holds %j', (content, value) => {
  const path = file(content);
  expect(valueOfFile(path, '--token-file')).toBe(value);
  const variable = {name: 'ROWPLICA_TOKEN_FILE', value};
  expect(variableOf({ROWPLICA_TOKEN_FILE: path}, 'ROWPLICA_TOKEN')).toEqual(variable);
  const empty = {ROWPLICA_TOKEN: '', ROWPLICA_TOKEN_FILE: path};
  expect(variableOf(empty, 'ROWPLICA_TOKEN')).toEqual(variable);
});

test('an empty variable, or the empty name of a file, is none', () => {
  const empty = {ROWPLICA_TOKEN: '', ROWPLICA_TOKEN_FILE: ''};
  expect(variableOf(empty, 'ROWPLICA_TOKEN')).toBe(undefined);
});

test.each([
  ['', /^ROWPLICA_X_FILE .*value: it is empty$/],
  ['\n', /it is empty$/],
  [`${secret}\n\n`, /it has more than one line$/],
  [`${secret}\n${secret}`, /it has more than one line$/],
  [secret.repeat(10_000), new RegExp(`it has more than ${VARIABLE_FILE_BYTES_MAX} bytes$`)],
])('a file of %.10j is refused, and not quoted', (content, told) => {
  const read = (): unknown => variableOf({ROWPLICA_X_FILE: file(content)}, 'ROWPLICA_X');
  expect(read).toThrow(refused(told));
  expect(toldBy(read)).not.toContain('hunter2');
});

test('a file that is not there, and a folder, are refused by variable and path', () => {
  const path = join(folder, 'absent');
  const read = (): unknown => variableOf({ROWPLICA_X_FILE: path}, 'ROWPLICA_X');
  expect(read).toThrow(refused(/^ROWPLICA_X_FILE .*absent: there is no such file$/));
  mkdirSync(join(folder, 'folder'));
  const folderAs = (): unknown => valueOfFile(join(folder, 'folder'), '--token-file');
  expect(folderAs).toThrow(refused(/^--token-file .*folder: it cannot be read$/));
});

test('given twice is refused, naming both', () => {
  const env = {ROWPLICA_TOKEN: secret, ROWPLICA_TOKEN_FILE: file(secret)};
  const read = (): unknown => variableOf(env, 'ROWPLICA_TOKEN');
  expect(read).toThrow(refused(/^ROWPLICA_TOKEN and ROWPLICA_TOKEN_FILE are both given$/));
  expect(toldBy(read)).not.toContain('hunter2');
});

const variables = ALL_SETTINGS.flatMap(([, {variable}]) => variable ?? []);

test.each(variables)('%s may be given as a file', (name) => {
  const env = {[name]: 'x', [`${name}_FILE`]: file('x')};
  const load = (): unknown => loadConfig({file: undefined, env, flags: {}});
  expect(load).toThrow(refused(new RegExp(`^${name} and ${name}_FILE are both given$`)));
});

const unfit = 'hunter2 hunter2';
test.each(
  variables.filter((name) =>
    /APPL|KEYLESS|LOCK|ROLE|INTERVAL|STALE|HTTP|TOKEN|KEEP|EVERY|NTFY|WEBHOOK/.test(name),
  ),
)('%s does not quote what it refuses', (name) => {
  for (const env of [{[name]: unfit}, {[`${name}_FILE`]: file(unfit)}]) {
    const load = (): unknown => loadConfig({file: undefined, env, flags: {}});
    expect(load).toThrow(refused(new RegExp(`^${Object.keys(env)[0]}: it `)));
    expect(toldBy(load)).not.toContain('hunter2');
  }
});

test('even the name of the configuration may be in a file, and is not quoted', () => {
  const config = file('store: dir:/srv\n', 'rowplica.yaml');
  const env = {ROWPLICA_CONFIG_FILE: file(`${config}\n`)};
  const {store, sources} = loadConfig({file: undefined, env, flags: {}});
  expect({store, sources}).toEqual({
    store: 'dir:/srv',
    sources: {store: 'file named in ROWPLICA_CONFIG_FILE'},
  });
  const wrong = {ROWPLICA_CONFIG_FILE: file(secret)};
  const load = (): unknown => loadConfig({file: undefined, env: wrong, flags: {}});
  expect(load).toThrow(
    refused(/^configuration named in ROWPLICA_CONFIG_FILE: there is no such file$/),
  );
  expect(toldBy(load)).not.toContain('hunter2');
});

test('an environment with values in place of files', () => {
  const env = {A: 'a', LEVEL_FILE: file('debug\n'), OTHER: ''};
  expect(withValuesOfFiles(env, ['LEVEL', 'OTHER'])).toEqual({...env, LEVEL: 'debug'});
});
