/** What others are told of a service, and when. */
import {describe, expect, test} from 'vitest';
import type {CaptureResult} from '../../../src/engine/capture.ts';
import type {ReplicateResult} from '../../../src/engine/replicate.ts';
import type {CycleReport} from '../../../src/service/service.ts';
import {spokenNotice, type Notice} from '../../../src/service/notices.ts';
import type {StatusWord} from '../../../src/service/status.ts';
import {Watcher} from '../../../src/service/watcher.ts';

const speaker = {role: 'replica', host: 'kuma-2', database: '/data/kuma.db'} as const;
const at = '2026-01-01T00:00:00.000Z';
const none = {inserted: 0, updated: 0, deleted: 0};

const verdict = (status: StatusWord) => ({status, reason: `it is ${status}`});

function report(status: StatusWord, done?: CycleReport['done']): CycleReport {
  return {at, ms: 5, done, failure: undefined, verdict: verdict(status)};
}

function applied(tables: ReplicateResult['tables']): CycleReport['done'] {
  const position = {lineage: 'l', epoch: 1, sequence: 7, snapshot: 'd'.repeat(64)};
  return {did: 'replicated', result: {...position, applied: true, tables} as ReplicateResult};
}

function watched(): {readonly watcher: Watcher; readonly told: Notice[]} {
  const told: Notice[] = [];
  return {watcher: new Watcher(speaker, (notice) => void told.push(notice)), told};
}

describe('the status', () => {
  test('is told when it changes, and only then', () => {
    const {watcher, told} = watched();
    for (const status of ['ok', 'ok', 'degraded', 'degraded', 'stale', 'ok', 'ok'] as const)
      watcher.sees(report(status));
    expect(told).toEqual([
      {event: 'status', ...speaker, at, ...verdict('degraded'), before: 'ok'},
      {event: 'status', ...speaker, at, ...verdict('stale'), before: 'degraded'},
      {event: 'status', ...speaker, at, ...verdict('ok'), before: 'stale'},
    ]);
  });

  test('is told at the start where it is not well, and not while the first cycle runs', () => {
    const {watcher, told} = watched();
    watcher.looks(verdict('waiting'), at);
    watcher.sees(report('fenced'));
    expect(told).toMatchObject([{status: 'fenced', before: null}]);
    const well = watched();
    well.watcher.looks(verdict('waiting'), at);
    well.watcher.sees(report('ok'));
    expect(well.told).toEqual([]);
  });

  test('is told between cycles, too', () => {
    const {watcher, told} = watched();
    watcher.sees(report('ok'));
    watcher.looks(verdict('stale'), at);
    watcher.looks(verdict('stale'), at);
    expect(told).toMatchObject([{status: 'stale', before: 'ok'}]);
  });
});

describe('rows', () => {
  test('are told by table, where any were written', () => {
    const {watcher, told} = watched();
    watcher.sees(report('ok', applied({monitor: {...none, inserted: 2}, tag: none})));
    watcher.sees(report('ok', applied({monitor: none})));
    watcher.sees(report('ok', {did: 'looked', isWaiting: false}));
    expect(told).toEqual([
      {
        event: 'applied',
        ...speaker,
        at,
        ...verdict('ok'),
        position: {lineage: 'l', epoch: 1, sequence: 7, digest: 'd'.repeat(64)},
        tables: {monitor: {...none, inserted: 2}},
      },
    ]);
  });

  test('that were captured are told where something new was stored', () => {
    const {watcher, told} = watched();
    const capture = (changed: boolean): CycleReport['done'] => {
      const position = {lineage: 'l', epoch: 1, sequence: 7, snapshot: 'd'.repeat(64)};
      const tables = {monitor: {...none, rows: 4, updated: 1}, tag: {...none, rows: 2}};
      return {did: 'captured', result: {...position, changed, tables} as unknown as CaptureResult};
    };
    watcher.sees(report('ok', capture(false)));
    watcher.sees(report('ok', capture(true)));
    expect(told).toMatchObject([
      {event: 'captured', position: {sequence: 7}, tables: {monitor: {...none, updated: 1}}},
    ]);
    expect(told[0]).not.toHaveProperty('tables.tag');
  });

  test('are spoken of by what happened to them; a title is ASCII, whatever the host is called', () => {
    const told: Notice[] = [];
    const watcher = new Watcher({...speaker, host: 'küma'}, (notice) => void told.push(notice));
    const tables = {monitor: {inserted: 2, updated: 10, deleted: 0}, tag: {...none, deleted: 1}};
    watcher.sees(report('ok', applied(tables)));
    expect(told.map(spokenNotice)).toEqual([
      {
        title: 'Rowplica replica on k?ma: applied 1.7',
        text: 'monitor: 2 inserted, 10 updated\ntag: 1 deleted',
      },
    ]);
  });
});
