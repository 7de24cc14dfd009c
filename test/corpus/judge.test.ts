/** The judge of the corpus sees what it is there to see: one thing that is off, of each kind. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, onTestFinished, test} from 'vitest';
import type {Case} from './case.ts';
import {dump, makeSide, run} from './databases.ts';
import {faultsOf, gather, isSame} from './judge.ts';

const rows = `INSERT INTO item VALUES (1, 0.0), (2, 'amber'), (5, x'61'); DELETE FROM item WHERE id = 5;
  INSERT INTO note VALUES (1, 1)`;

const equal: Case = {
  name: 'two databases that hold the same',
  trap: 0,
  tables: ['item'],
  ddl: `CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
    CREATE TABLE note (id INTEGER PRIMARY KEY, item REFERENCES item); CREATE INDEX by_v ON item (v)`,
  primary: rows,
  replica: rows,
  expect: 'converge',
};

test('equal databases have no fault', () => {
  expect(judge(equal, '')).toEqual([]);
});

test.for([
  ['a storage class', 'UPDATE item SET v = 0 WHERE id = 1', 'item: rows not equal'],
  ['a sign of zero', 'UPDATE item SET v = v * -1.0 WHERE id = 1', 'item: rows not equal'],
  ['text for blob', "UPDATE item SET v = CAST('amber' AS BLOB)", 'item: rows not equal'],
  ['what follows a NUL', "UPDATE item SET v = v || char(0) || 'x'", 'item: rows not equal'],
  ['a missing row', 'DELETE FROM item WHERE id = 2', 'item: 1 of its rows missing'],
  ['a row too many', 'INSERT INTO item VALUES (4, 1)', 'item: rows left over'],
  ['a local row', 'INSERT INTO note VALUES (2, 2)', 'local table note changed'],
  ['a counter', 'UPDATE sqlite_sequence SET seq = 2', 'counters of AUTOINCREMENT are off'],
  ['a counter gone', 'DELETE FROM sqlite_sequence', 'counters of AUTOINCREMENT are off'],
  ['a reference', 'UPDATE note SET item = 9', 'new dangling references'],
  ['an index', 'DROP INDEX by_v', 'declarations or settings changed'],
  ['a setting', 'PRAGMA user_version = 3', 'declarations or settings changed'],
] as const)('%s that is off is a fault', ([, sql, fault]) => {
  expect(judge(equal, sql)).toContain(fault);
});

test('what is due to happen to local tables is a fault where it does not', () => {
  const due = {...equal, local: 'DELETE FROM note'};
  expect(judge(due, '')).toEqual(['local table note is not as declared']);
  expect(judge(due, 'DELETE FROM note')).toEqual([]);
});

test('a database that changed in one bit is not the same', () => {
  const path = makeSide(temporaryFolder(), 'replica', equal);
  const before = dump(path);
  expect(isSame(before, dump(path))).toBe(true);
  run(path, 'UPDATE item SET v = 0 WHERE id = 1');
  expect(isSame(before, dump(path))).toBe(false);
});

function judge(from: Case, tampering: string): readonly string[] {
  const folder = temporaryFolder();
  const [primary, replica] = [makeSide(folder, 'primary', from), makeSide(folder, 'replica', from)];
  const evidence = gather(from, primary, replica);
  run(replica, tampering);
  return faultsOf(from, evidence, dump(replica));
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-corpus-'));
  onTestFinished(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}
