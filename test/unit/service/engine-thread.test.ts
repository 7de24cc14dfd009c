/** The engine in a thread of its own does what it does in this one. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {noProgress, type EngineOptions} from '../../../src/index.ts';
import type {LogFields} from '../../../src/kernel/log.ts';
import {primaryThread, replicaThread} from '../../../src/service/engine-thread.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {dumpTable} from '../../helpers/typed-dump.ts';

const never = new AbortController().signal;
const many = 400_000;

type Line = {readonly level: string; readonly message: string; readonly fields?: LogFields};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** One side of a pair: its options, and what was logged. */
function side(folder: string, name: string, rows = 0): {options: EngineOptions; lines: Line[]} {
  const path = join(folder, `${name}.db`);
  const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO t SELECT i, 'row ' || i FROM n`;
  write(path, `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); ${rows > 0 ? fill : ''}`);
  const lines: Line[] = [];
  const to = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push({level, message, ...(fields === undefined ? {} : {fields})});
  const options: EngineOptions = {
    database: path,
    store: `dir:${join(folder, 'store')}`,
    state: `${path}-state`,
    tables: ['t'],
    env: process.env,
    log: {debug: to('debug'), info: to('info'), warn: to('warn')},
    progress: noProgress,
  };
  return {options, lines};
}

function primary(options: EngineOptions) {
  const engine = primaryThread(options);
  closing.push(() => engine.close());
  return engine;
}

function replica(options: EngineOptions) {
  const engine = replicaThread(options);
  closing.push(() => engine.close());
  return engine;
}

test('captures and replicates, and remembers between calls what it has seen', async () => {
  const folder = tempFolder();
  const [here, there] = [side(folder, 'primary', 3), side(folder, 'replica')];
  const source = primary(here.options);
  expect(await source.look(never)).toBe('different');
  expect(await source.capture(never)).toMatchObject({changed: true, sequence: 1});
  expect(await source.look(never)).toBe('same');
  expect(await source.look(never)).toBe('quiet');
  expect(await source.beat(never)).toMatchObject({epoch: 1, sequence: 1});
  const target = replica(there.options);
  expect(await target.poll(never)).toMatchObject({position: null, newest: {sequence: 1}});
  const result = await target.replicate(never);
  expect(result).toMatchObject({applied: true, proof: 'full', tables: {t: {inserted: 3}}});
  expect(dumpTable(there.options.database, 't')).toEqual(dumpTable(here.options.database, 't'));
  const news = {signs: 'a', at: '2026-01-01T00:00:00.000Z'};
  await target.note(news);
  expect(await target.heard()).toEqual(news);
});

test('refuses with the whole error, and logs where it was started from', async () => {
  const folder = tempFolder();
  const {options, lines} = side(folder, 'primary', 3);
  await expect(primary({...options, tables: ['absent']}).capture(never)).rejects.toMatchObject({
    name: 'EngineError',
    code: 'TABLE_NOT_FOUND',
    exitCode: 2,
    site: {table: 'absent'},
    hint: expect.any(String),
  });
  write(options.database, 'CREATE TABLE s (v TEXT)');
  await primary({...options, tables: ['t', 's'], keyless: 'multiset'}).capture(never);
  expect(lines.length).toBeGreaterThan(0);
});

describe('a call that takes long', () => {
  test('ends when it is told to, and the next one does its work', async () => {
    const {options} = side(tempFolder(), 'primary', many);
    const engine = primary(options);
    const stop = new AbortController();
    const captured = engine.capture(stop.signal);
    setTimeout(() => stop.abort(), 100);
    await expect(captured).rejects.toMatchObject({code: 'INTERRUPTED'});
    await expect(engine.capture(AbortSignal.abort())).rejects.toMatchObject({code: 'INTERRUPTED'});
    expect(await engine.capture(never)).toMatchObject({changed: true});
  });

  test('leaves this thread free', async () => {
    const {options} = side(tempFolder(), 'primary', many);
    const engine = primary(options);
    await engine.look(never);
    const [here, all] = [process.threadCpuUsage(), process.cpuUsage()];
    await engine.capture(never);
    expect(process.threadCpuUsage(here).user).toBeLessThan(process.cpuUsage(all).user / 4);
  });

  test('fails where its thread ends, and the next one starts another', async () => {
    const folder = tempFolder();
    const {options} = side(folder, 'primary', 3);
    const restic = join(folder, 'restic');
    writeFileSync(restic, '#!/bin/sh\nexec sleep 30\n', {mode: 0o755}); // so that the call does not end before its thread
    const env = {...options.env, ROWPLICA_RESTIC: restic, RESTIC_PASSWORD: 'x'};
    const engine = primary({...options, env, store: `restic:${folder}`});
    const failed = expect(engine.capture(never)).rejects.toThrow(/ended/);
    await engine.close();
    await failed;
    expect(await engine.look(never)).toBe('different');
    await engine.close();
  });
});
