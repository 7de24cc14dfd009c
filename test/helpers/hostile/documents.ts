/** Valid documents of every format, with a word in every cell that no error may repeat. */
import {encodeRow, rowText} from '../../../src/canonical/row.ts';
import {must} from '../../../src/kernel/assert.ts';
import type {Cell} from '../../../src/kernel/row.ts';
import {rowKeys} from '../../../src/schema/row-key.ts';
import type {TableShape} from '../../../src/schema/table-shape.ts';
import {readContent} from '../../../src/snapshot/chunk.ts';
import {rootDigest, type ChunkEntry, type TableContent} from '../../../src/snapshot/content.ts';
import {encodeManifest} from '../../../src/snapshot/manifest-text.ts';
import type {Manifest, ManifestTable} from '../../../src/snapshot/manifest.ts';
import {paginate, type Page} from '../../../src/snapshot/pages.ts';

/** Stands in every cell of text. */
export const SECRET = 'hunter2';

export const shape: TableShape = {
  table: 'note',
  columns: [
    {name: 'body', type: 'text'},
    {name: 'id', type: 'integer'},
    {name: 'size', type: 'any'},
  ],
  keyKind: 'primary',
  key: [{name: 'id', fold: 'binary'}],
};

const SIZES: readonly Cell[] = [
  null,
  2n ** 63n - 1n,
  0.5,
  -0,
  Infinity,
  `${SECRET} ö`,
  new Uint8Array([0, 255]),
  {textBytes: new Uint8Array([255, 65])},
];

async function* rowsOf(count: number) {
  const keyOf = rowKeys(shape);
  for (let id = 1; id <= count; id++) {
    const cells = encodeRow([`${SECRET} ${id}`, BigInt(id), SIZES[id % SIZES.length] ?? null]);
    yield [{key: keyOf(cells), text: rowText(cells), cells}];
  }
}

type Chunk = {readonly entry: ChunkEntry; readonly bytes: Buffer};

export const chunks: Chunk[] = [];
const content = await readContent(shape, rowsOf(9), (entry, bytes) => {
  chunks.push({entry, bytes: Buffer.from(bytes)});
});

/** As many entries as need pages. */
const entries: readonly ChunkEntry[] = Array.from({length: 300}, (_, at) => ({
  digest: must(content.chunks[0], 'a chunk').digest,
  first: `Nc${at + 100}`,
  rows: 7,
}));
const listed = paginate(entries);
export const pages: readonly Page[] = 'pages' in listed ? listed.pages : [];

function tableOf(name: string, {rows, digest}: TableContent, more: object): ManifestTable {
  return {
    name,
    columns: shape.columns.map((column) => ({...column, declared: 'TEXT', notNull: false})),
    omitted: ['made'],
    key: {kind: shape.keyKind, columns: shape.key},
    fingerprint: `f2:${digest}`,
    rows,
    digest,
    counter: 9,
    violations: [{columns: ['id'], parent: 'other', count: 1, values: ['Na1']}],
    ...more,
  };
}

function manifestOf(tables: readonly ManifestTable[]): Manifest {
  return {
    lineage: '0b4e0e8e-6a0f-4c53-9d1c-2f1b8c0e6a11',
    epoch: 1,
    sequence: 2,
    author: '7f2d1c3a-9b1e-4f6d-8a5b-3c4d5e6f7a8b',
    parent: 'ab'.repeat(32),
    created: '2026-01-02T03:04:05.678Z',
    source: {engine: 'sqlite', application: null, version: ['one']},
    depth: 1,
    root: rootDigest(tables),
    tables,
  };
}

const paged = {rows: 2100, digest: 'cd'.repeat(32), chunks: entries};
export const manifests: readonly Buffer[] = [
  manifestOf([]),
  manifestOf([tableOf('note', content, {chunks: content.chunks})]),
  manifestOf([
    tableOf('note', content, {chunks: content.chunks}),
    tableOf('paged', paged, {pages: pages.map((page) => page.entry)}),
  ]),
  manifestOf([
    {
      ...tableOf('note', content, {chunks: content.chunks}),
      where: [
        {column: 'id', below: 1000},
        {column: 'id', not: [1, null, 'x']},
        {column: 'id', in: [{r: '2'}]},
      ],
    },
  ]),
].map((manifest) => Buffer.from(encodeManifest(manifest)));

const label = {
  lineage: '0b4e0e8e-6a0f-4c53-9d1c-2f1b8c0e6a11',
  epoch: 3,
  sequence: 12,
  digest: 'ab'.repeat(32),
  author: '7f2d1c3a-9b1e-4f6d-8a5b-3c4d5e6f7a8b',
  parent: 'cd'.repeat(32),
};

export const labels: readonly Buffer[] = [label, {...label, parent: undefined}].map((each) =>
  Buffer.from(`${JSON.stringify({...each, time: '2026-01-02T03:04:05.678Z'})}\n`),
);

export const listings: readonly Buffer[] = [[], [1, 2], [1]].map((ids) =>
  Buffer.from(
    JSON.stringify(
      ids.map((id) => ({
        id: String(id).repeat(64),
        time: '2026-11-20T23:18:06.471610429+01:00',
        tags: ['rowplica', ...Object.entries(label).map(([name, value]) => `${name}=${value}`)],
        paths: ['/x'],
      })),
    ),
  ),
);

export const intents: readonly Buffer[] = [
  {rows: null},
  {
    rows: [
      {table: 'note', key: 'Na1', before: null, after: `["${SECRET}",1,null]`},
      {table: 'note', key: 'Na2', before: `["${SECRET}",2,null]`, after: null},
    ],
    cascades: {beat: 3},
    dangling: [{name: 'note', violations: [{columns: ['id'], parent: 'p', count: 1}]}],
    groups: [{table: 'link', group: 'Na1', rows: 2}],
    conflicts: [
      {
        table: 'note',
        key: 'Na1',
        kind: 'bothEdited',
        columns: ['body'],
        base: null,
        ours: {body: SECRET, id: 1},
        theirs: {body: {b: ''}, id: 1},
        epoch: 1,
        sequence: 2,
        digest: 'ab'.repeat(32),
        at: '2031-01-01T00:00:00.000Z',
        take: null,
      },
    ],
  },
].map((body) => Buffer.from(JSON.stringify(body)));

export const previous: readonly Buffer[] = [
  null,
  {...label, parent: undefined, manifest: 'AAEC'},
].map((position) => Buffer.from(JSON.stringify(position)));

export const configurations: readonly Buffer[] = [
  'database: /srv/app.db\nstore: restic:/srv/backup\ntables: [a, b]\nmaxWriteLock: 500ms\n',
  '{"database":"x","keyless":"multiset"}',
  'database: &a x\nstore: *a\ntables: [*a, *a]\n',
  'tables: {a: mirror, b: {policy: merge, onConflict: fail, local: [c], where: {d: {not: [x, 1, 0.5, null, true]}, e: 2}, ownKeys: 100}}\ndrift: keep\npreset: p\n',
  'role: replica\ninterval: 5s\nstaleAfter: 1h\nhttp: "[::1]:0"\nkeep: {last: 5, yearly: 0}\ndrillEvery: off\nnotify: [{ntfy: "https://a.b/c", token: t}, {webhook: "http://a"}]\n',
].map((text) => Buffer.from(text));

/** With each operation, and most kinds of values and conditions. */
export const compatSteps: readonly Buffer[] = [
  `format: 1
application: app
summary: s
migrations: [a, b]
after: [other]
reversible: true
refuse: [{table: t, where: {type: [x, 1, null, true]}}]
operations:
  - {op: addColumn, table: t, column: c, type: DOUBLE, notNull: true, value: {column: d, times: 0.8, plus: 1}}
  - {op: dropColumn, table: t, column: c, restore: {type: TEXT, value: x}}
  - {op: renameColumn, table: t, from: a, to: b}
  - {op: changeColumn, table: t, column: c, type: TEXT, was: {type: INTEGER}}
  - {op: mapValues, table: t, column: c, map: {a: b, c: null}, where: {x: {not: [1, 2]}}}
`,
  `format: 1
application: app
summary: s
migrations:
  - a
operations:
  - op: setColumn
    table: t
    column: c
    value: {text: [at, {column: s, split: ":", piece: 2, integer: true}]}
    where: {a: {atMost: 0}, b: {atLeast: 1}, c: {like: "%x_"}, d: {notLike: y}}
  - op: deleteRows
    table: t
    where: {a: {json: {member: type, is: [line], ignoreCase: true}}, b: {topLevelDomain: {in: [com]}}}
    with: [{table: u, column: t_id, to: id}]
  - {op: changeTable, table: t}
  - {op: renameTable, from: t, to: u}
  - {op: addTable, table: v}
  - {op: dropTable, table: v}
`,
].map((text) => Buffer.from(text));
