/** What each policy makes of each kind of local edit, through the whole engine, and as docs/policies.md tells it. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import type {ReplicateResult} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {
  cases,
  ddl,
  pageTable,
  policies,
  rows,
  type Case,
  type Fate,
  type PolicyName,
} from './policy-cases.ts';

const names = Object.keys(policies) as readonly PolicyName[];

type Look = readonly [table: string, ...columns: string[]];

const content = (path: string, [table, ...columns]: Look): string[] =>
  typed(path, table, columns).map((line) =>
    line
      .split(' | ')
      .map((cell) => cell.replace(/^\w+ /, '').replaceAll("'", ''))
      .join(' '),
  );

function told({conflicts}: ReplicateResult): string {
  return conflicts
    .map(
      ({kind, columns, taken, open}) => `${kind}:${columns.join(',')}:${taken}${open ? '!' : ''}`,
    )
    .join(' ');
}

class Run {
  readonly #instances: Instances;
  readonly #look: Look;
  readonly #replicate: () => Promise<ReplicateResult>;

  constructor({ddl: more, look = ['t', 'id', 'a', 'b', 'u']}: Case, name: PolicyName) {
    const tables = more === undefined ? ['t'] : ['t', 'c'];
    const own = {ddl: [ddl, more ?? ''].join(';'), primary: rows, replica: '', tables};
    this.#instances = makeInstances(own);
    this.#look = look;
    const given = new Map<string, TablePolicy>(tables.map((table) => [table, policies[name]]));
    if (name === 'local' && given.has('c')) given.set('c', {policy: 'mirror'}); // it has no such column
    const allowDeletes = name === 'off' ? undefined : tables;
    this.#replicate = () =>
      this.#instances.replicate({policies: given, tables: undefined, allowDeletes});
  }

  /** The replica has what the primary has, whatever its policy is later. */
  async start(): Promise<void> {
    await this.#instances.capture();
    await this.#instances.replicate();
    await this.#replicate();
  }

  async edit(here: string, there: string): Promise<void> {
    write(this.#instances.replica, here);
    write(this.#instances.primary, there);
    if (there !== '') await this.#instances.capture();
  }

  /** Replicates, once more to no effect, and each time from what is on disk. */
  async expectBecoming(fate: Fate, conflict: string, news: readonly string[] = []): Promise<void> {
    const {primary, replica} = this.#instances;
    const wanted = {
      yours: [...content(replica, this.#look), ...news].toSorted(),
      primary: content(primary, this.#look),
    };
    const expected = typeof fate === 'string' ? wanted[fate] : fate.rows;
    const result = await this.#replicate();
    expect(content(replica, this.#look)).toEqual(expected);
    expect(told(result)).toBe(conflict);
    const again = await this.#replicate();
    expect(again.applied).toBe(false);
    const written = Object.values(again.tables).map(
      ({inserted, updated, deleted}) => inserted + updated + deleted,
    );
    expect(written.filter((count) => count > 0)).toEqual([]);
    expect(content(replica, this.#look)).toEqual(expected);
    expect(faults(replica)).toEqual([]);
  }
}

describe.each(names)('under %s', (name) => {
  test.each(cases)('$name', async (of) => {
    const {here, there, becomes, conflict = {}, later = {}} = of;
    const run = new Run(of, name);
    await run.start();
    await run.edit(here, there);
    await run.expectBecoming(becomes[name], conflict[name] ?? '');
    if (there !== '') return;
    await run.edit('', "INSERT INTO t VALUES (7, 'a7', 'b7', 'u7')");
    const news = name === 'off' ? [] : ['7 a7 b7 u7'];
    await run.expectBecoming(later[name] ?? becomes[name], '', news);
  });
});

/** With UPDATE_DOCS set, the table is put there. */
test('docs/policies.md tells of every case', () => {
  const page = join(import.meta.dirname, '../../../docs/policies.md');
  const [from, to] = ['<!-- policies:begin -->\n\n', '\n\n<!-- policies:end -->'];
  const old = readFileSync(page, 'utf8');
  const at = old.indexOf(from) + from.length;
  const now = old.slice(0, at) + pageTable() + old.slice(old.indexOf(to, at));
  if (process.env['UPDATE_DOCS']) writeFileSync(page, now);
  const plain = (markdown: string): string =>
    markdown.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-');
  expect(plain(old)).toBe(plain(now));
});
