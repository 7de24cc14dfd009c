/** What an application that the service starts sees of the environment. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {expect, test} from 'vitest';
import {withoutOurs, withScripts} from '../../../src/service/application/environment.ts';
import {runProcess} from '../../helpers/run-process.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

test('nothing of ours and of restic', () => {
  const env = {PATH: '/bin', ROWPLICA_TOKEN: 'a', rowplica_x: 'b', RESTIC_PASSWORD: 'c', TZ: 'UTC'};
  expect(withoutOurs(env)).toEqual({PATH: '/bin', TZ: 'UTC'});
});

test('scripts are loaded after those that were asked for before, from a folder of any name', async () => {
  const folder = join(tempFolder(), 'a "folder" of \\ its own');
  mkdirSync(folder);
  const script = (name: string): URL => {
    const path = join(folder, `${name}.cjs`);
    writeFileSync(path, `process.stdout.write(${JSON.stringify(name)} + " ");`);
    return pathToFileURL(path);
  };
  const before = withScripts({}, [script('first')]);
  const env = withScripts(before, [script('second'), script('third')]);
  const ran = await runProcess(process.execPath, ['-e', ''], {env});
  expect(ran).toMatchObject({exitCode: 0, stdout: 'first second third '});
  expect(withScripts({TZ: 'UTC'}, [])).toEqual({TZ: 'UTC'});
});
