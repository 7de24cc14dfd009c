/** compat new: a draft that parses, that tells no secret, and that compat check proves where rows tell enough. */
import {existsSync, mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import type {CompatNewResult} from '../../src/index.ts';
import {printed, refusal, rowplica} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {nextStep, olderKuma, stepFolder, upgradedKuma} from '../helpers/upgraded-kuma.ts';

const folder = temporaryFolder();
const older = olderKuma(join(folder, 'older.db'));
const newer = upgradedKuma(older, join(folder, 'newer.db'));

async function drafted(to: string, name: string): Promise<CompatNewResult & {folder: string}> {
  const steps = join(folder, name);
  mkdirSync(join(steps, 'uptime-kuma'), {recursive: true});
  const out = join(steps, 'uptime-kuma/next.yaml');
  const {stdout, stderr, exitCode} = await rowplica([
    'compat',
    'new',
    '--from',
    older,
    '--to',
    to,
    '--out',
    out,
    '--json',
  ]);
  expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
  const result = JSON.parse(stdout) as CompatNewResult;
  expect(readFileSync(out, 'utf8')).toBe(result.text);
  return {...result, folder: steps};
}

test('drafts what rows tell, and compat check proves it', async () => {
  const draft = await drafted(newer, 'drafted');
  expect(draft).toMatchObject({
    application: 'uptime-kuma',
    migrations: ['patch-next.sql'],
    open: 0,
  });
  expect(draft.text).toMatch(/^# yaml-language-server: \$schema=\.\.\/schema\.json\n/);
  expect(draft.text).toContain('value: {column: interval, times: 0.8}');
  expect(draft.text).toContain('op: renameColumn');
  expect(draft.text).toMatch(/value: 2\n {4}where: {kind: 1}/);
  expect(draft.text).toContain('# reversible: true would say');
  const check = await rowplica([
    'compat',
    'check',
    '--from',
    older,
    '--to',
    newer,
    '--compat',
    draft.folder,
  ]);
  expect(check).toMatchObject({exitCode: 0});
});

test('leaves to a person what rows do not tell, names keys and counts, and shows no text of a row', async () => {
  const other = upgradedKuma(
    older,
    join(folder, 'other.db'),
    `ALTER TABLE monitor ADD COLUMN note TEXT; UPDATE monitor SET note = 'secret-note';
     ALTER TABLE monitor ADD COLUMN odd INTEGER; UPDATE monitor SET odd = abs(random());
     ALTER TABLE monitor ADD COLUMN mode TEXT DEFAULT 'plain' NOT NULL;
     UPDATE monitor SET name = 'secret-' || id;
     DELETE FROM notification WHERE id = 3; INSERT INTO notification VALUES (7, 'secret-new');
     CREATE TABLE proxy (id INTEGER PRIMARY KEY, host TEXT); CREATE TABLE stat_daily (id INTEGER PRIMARY KEY);`,
  );
  const {text, open} = await drafted(other, 'open');
  expect(text).not.toContain('secret');
  expect(text).toContain('value: plain');
  expect(text).toContain('monitor.note: all 3 rows hold the same value, which is not written here');
  expect(text).toContain('monitor.odd: its value in 3 rows follows from no single column');
  expect(text).toContain('monitor.name: 3 of 3 rows hold another value than before');
  expect(text).toContain('notification: rows that are gone: 1 (id=3): deleteRows');
  expect(text).toContain('notification: rows that are new: 1 (id=7)');
  expect(text).toContain('  - op: addTable\n    table: proxy');
  expect(text).toContain('# table stat_daily is new, and is not replicated');
  expect(open).toBe(5);
});

test('prints the draft with what to do next as comments', async () => {
  const {stdout, exitCode} = await rowplica(['compat', 'new', '--from', older, '--to', newer]);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('format: 1\napplication: uptime-kuma\n');
  expect(stdout.trimEnd().split('\n').slice(-5)).toSatisfy((lines: string[]) =>
    lines.every((line) => line.startsWith('# ')),
  );
  expect(stdout).toContain(`rowplica compat check --from ${older} --to ${newer}`);
});

test('Err: nothing to draft, and a file that is there', async () => {
  const args = ['compat', 'new', '--from', older, '--json'];
  const steps = stepFolder(join(folder, 'steps'), nextStep);
  const known = await rowplica([...args, '--to', newer, '--compat', steps]);
  expect(refusal(known)).toMatchObject({exitCode: 2, code: 'USAGE'});
  expect(refusal(known).hint).toContain('compat check');
  const same = await rowplica([...args, '--to', older]);
  expect(refusal(same)).toMatchObject({exitCode: 2, code: 'USAGE'});
  const there = join(steps, 'uptime-kuma/next.yaml');
  const over = await rowplica([...args, '--to', newer, '--out', there]);
  expect(refusal(over)).toMatchObject({exitCode: 2, code: 'USAGE'});
  expect(readFileSync(there, 'utf8')).toBe(nextStep);
  expect(existsSync(there)).toBe(true);
  expect(printed.join('\n')).not.toContain('secret');
});
