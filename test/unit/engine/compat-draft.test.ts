/** Drafts from databases of real releases parse, and say of each column what can be said. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {readSteps} from '../../../src/compat/read-steps.ts';
import {stageSteps} from '../../../src/compat/stages.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {columnFaults} from '../../../src/engine/adapted-columns.ts';
import {draftStep} from '../../../src/engine/compat-draft.ts';
import {readSide, sourceOf} from '../../../src/engine/compat-sides.ts';
import {noProgress, silentLog} from '../../../src/kernel/log.ts';
import {copyFixture, fixturesRoot} from '../../helpers/fixtures.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

test.skipIf(fixturesRoot() === undefined).for([
  ['1.18.5/kuma.db', '1.23.17/kuma-upgraded-from-1.18.db'],
  ['1.23.17/kuma.db', '2.5.3/kuma-upgraded-from-1.23.db'],
] as const)('a draft from %s to %s leads to what the newer one declares', async ([from, to]) => {
  const folder = tempFolder();
  const options = {database: '', env: {}, log: silentLog, progress: noProgress};
  const older = openSqlite({path: copyFixture(from, join(folder, 'a.db'))});
  const newer = openSqlite({path: copyFixture(to, join(folder, 'b.db'))});
  await older.view((one) =>
    newer.view(async (other) => {
      const [before, after] = [await readSide(one, options), await readSide(other, options)];
      const draft = await draftStep(options, {before, after, steps: [], migrations: ['a']});
      const file = {path: 'a.yaml', folder: 'uptime-kuma', name: 'a', text: draft.text};
      const steps = readSteps([file]);
      expect(steps[0]?.operations).toHaveLength(draft.operations);
      const sources = [...before.shapes.values()].map((shape) => sourceOf(before, shape));
      for (const {result} of stageSteps(steps, sources)) {
        const [schema, shape] = [
          after.schemas.get(result?.name ?? ''),
          after.shapes.get(result?.name ?? ''),
        ];
        if (result === undefined || schema === undefined || shape === undefined)
          throw new Error('gone');
        expect([...columnFaults(result, schema, shape)], result.name).toEqual([]);
      }
    }),
  );
  await Promise.all([older.close(), newer.close()]);
});
