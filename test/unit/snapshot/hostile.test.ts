/** Snapshots made to harm: every digest in them is right. */
import stringify from 'fast-json-stable-stringify';
import {describe, expect, test} from 'vitest';
import {isKey} from '../../../src/canonical/key.ts';
import {digestOf} from '../../../src/canonical/digest.ts';
import {parseJson} from '../../../src/canonical/json.ts';
import {parseRow} from '../../../src/canonical/row.ts';
import {must} from '../../../src/kernel/assert.ts';
import {EngineError} from '../../../src/kernel/errors.ts';
import {decodeChunk} from '../../../src/snapshot/chunk.ts';
import {decodeManifest} from '../../../src/snapshot/manifest-text.ts';
import {checkManifestSize} from '../../../src/snapshot/manifest-size.ts';
import {decodePage} from '../../../src/snapshot/pages.ts';
import {chunks, manifests, pages, shape} from '../../helpers/hostile/documents.ts';
import {sign, type ForgedManifest, type ForgedTable} from '../../helpers/hostile/forge.ts';

const HEADER = 'rowplica-manifest 1\n';

function parsed(): ForgedManifest {
  const text = must(manifests[2], 'a manifest').toString('utf8');
  return JSON.parse(text.slice(HEADER.length)) as ForgedManifest;
}

function encoded(manifest: object, edit = (text: string): string => text): Buffer {
  return Buffer.from(`${HEADER}${edit(stringify(manifest))}\n`);
}

function refused(why: RegExp) {
  return expect.objectContaining({
    code: 'SNAPSHOT_CORRUPT',
    message: expect.stringMatching(why),
  });
}

describe('a manifest is refused', () => {
  test.each(['constructor', 'toString'])('with a member called %s', (name) => {
    const bytes = encoded({...parsed(), [name]: {x: 1}});
    expect(() => decodeManifest(bytes)).toThrow(refused(/not as the format says/));
  });

  test('with a member called __proto__, which reads as none', () => {
    const bytes = encoded(parsed(), (text) => text.replace('{', '{"__proto__":{"x":1},'));
    expect(() => decodeManifest(bytes)).toThrow(refused(/canonical form/));
  });

  test.each([
    ['opened and closed', '['.repeat(200_000) + ']'.repeat(200_000)],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['only opened', '['.repeat(200_000)],
  ])('that nests without end: %s', (_, value) => {
    const bytes = encoded({...parsed(), 'x-deep': 0}, (text) =>
      text.replace('"x-deep":0', `"x-deep":${value}`),
    );
    expect(() => decodeManifest(bytes)).toThrow(refused(/nested too deep/));
  });

  test('that holds more values than fit into memory', () => {
    const bytes = encoded({...parsed(), 'x-many': 0}, (text) =>
      text.replace('"x-many":0', `"x-many":[${'[],'.repeat(2_000_000)}[]]`),
    );
    expect(() => decodeManifest(bytes)).toThrow(refused(/too many values/));
  });

  const tables: readonly [string, RegExp, (table: ForgedTable) => void][] = [
    [
      'rows that no chunk can have',
      /cannot have as many rows/,
      (table) => {
        table.chunks = [{...must(table.chunks?.[0], 'chunk'), rows: 1_000_000_000}];
        table.rows = 1_000_000_000;
      },
    ],
    ['a counter that is no integer', /counter/, (table) => (table.counter = 'x')],
    ['a name that is no Unicode', /name/, (table) => (table.name = '\ud800')],
    [
      'a key in a spelling of its own',
      /first/,
      (table) => (table.chunks = [{...must(table.chunks?.[0], 'chunk'), first: 'Nb1'}]),
    ],
  ];
  test.each(tables)('whose table has %s', (_, why, change) => {
    const manifest = parsed();
    change(must(manifest.tables[0], 'table'));
    expect(() => decodeManifest(encoded(sign(manifest)))).toThrow(refused(why));
  });

  const lists: readonly [string, RegExp, object][] = [
    ['more chunks than any page', /too many chunks/, {chunks: 1025, rows: 5000}],
    ['more rows than its chunks can hold', /as many rows/, {rows: 1_000_000_000}],
    ['fewer rows than chunks', /as many rows/, {rows: 1}],
  ];
  test.each(lists)('whose page lists %s', (_, why, fields) => {
    const manifest = parsed();
    const table = must(manifest.tables[1], 'paged');
    table.pages = [{...must(table.pages?.[0], 'page'), ...fields}];
    table.rows = table.pages.reduce((sum, page) => sum + page.rows, 0);
    expect(() => decodeManifest(encoded(sign(manifest)))).toThrow(refused(why));
  });

  test('that lists a thousand million rows in chunks of a size that may be', () => {
    const manifest = parsed();
    const table = must(manifest.tables[1], 'paged');
    const page = {...must(table.pages?.[0], 'page'), chunks: 1024, rows: 16_000_000};
    table.pages = Array.from({length: 2000}, (_, at) => ({...page, first: `Nd${at + 1000}`}));
    table.rows = 2000 * page.rows;
    expect(() => decodeManifest(encoded(sign(manifest)))).toThrow(
      refused(/more than 1000000 chunks/),
    );
  });
});

test.each(['Nb1', 'Na01', 'N-y~', 'N-z1~', 'Nz0009', 'Ns99999999999999999999', 'NS0005', 'N-~'])(
  'the key %s, which no writer gives, is none',
  (key) => {
    expect(isKey(key)).toBe(false);
    expect(isKey(`Na1,${key}`)).toBe(false);
  },
);

describe('a chunk is refused', () => {
  const {entry} = must(chunks[0], 'chunk');
  const decode = (text: string | Buffer, more: object = {}) => {
    const bytes = Buffer.from(text);
    return () => decodeChunk(shape, {...entry, digest: digestOf(bytes), ...more}, bytes);
  };

  test.each([
    ['too many cells', '["x",1,null,null]'],
    ['too few', '["x",1]'],
    ['a number out of range', '["x",1,1e999999]'],
    ['an integer beyond its tag', '["x",1,9007199254740993]'],
    ['a list as a cell', '["x",1,[[]]]'],
    ['a tag twice', '["x",1,{"i":"9223372036854775807","i":"9223372036854775806"}]'],
    ['a prototype as a tag', '["x",1,{"__proto__":"1"}]'],
    ['half a surrogate pair', '["\\ud800",1,null]'],
    ['nesting without end', `["x",1,${'['.repeat(300_000)}`],
  ])('whose row has %s', (_, row) => {
    expect(decode(`${row}\n`, {rows: 1})).toThrow(
      expect.objectContaining({code: 'SNAPSHOT_CORRUPT', site: {table: 'note'}}),
    );
  });

  test('that has more rows than any, before they are taken apart', () => {
    expect(decode('\n'.repeat(20_000_000), {rows: 20_000_000})).toThrow(refused(/more than the/));
  });

  test('larger than any, before it is digested', () => {
    const bytes = Buffer.alloc(256 * 1024 * 1024 + 1);
    expect(() => decodeChunk(shape, entry, bytes)).toThrow(refused(/larger than any/));
  });

  test('whose long row is a list of millions, before it is parsed', () => {
    expect(() => parseRow(`["x",1,${'[],'.repeat(3_000_000)}[]]`, 3)).toThrow(
      refused(/too many values|too deep/),
    );
    const long = `["${'[,'.repeat(800_000)}",1,{"r":"1"}]`;
    expect(parseRow(long, 3), 'a long text stays what it is').toHaveLength(3);
  });
});

describe('an index page is refused', () => {
  const {entry, bytes} = must(pages[0], 'page');
  const decode = (text: string, more: object = {}) => {
    const forged = Buffer.from(text);
    return () => decodePage('note', {...entry, digest: digestOf(forged), ...more}, forged);
  };
  const text = Buffer.from(bytes).toString('utf8');

  test('with an entry in another spelling, or with a member of its own', () => {
    expect(decode(text.replace('{"digest"', '{ "digest"'))).toThrow(refused(/canonical/));
    expect(decode(text.replace('{"digest"', '{"__proto__":1,"digest"'))).toThrow(
      refused(/canonical|format/),
    );
  });

  test('that nests without end', () => {
    const deep = text.replace('{"digest"', `{"x-a":${'['.repeat(200_000)},"digest"`);
    expect(decode(deep)).toThrow(refused(/bounds/));
  });

  test('that has more lines than it may have', () => {
    expect(decode('\n'.repeat(5_000_000), {chunks: 1024})).toThrow(refused(/cut/));
  });
});

test('JSON is bounded by what it holds, not by what stands in its texts', () => {
  const bounds = {depth: 2, values: 5};
  expect(parseJson('["[[[[[[,,,,,,\\\\","\\"[[",{"a":1}]', bounds)).toHaveLength(3);
  expect(() => parseJson('[[[]]]', bounds)).toThrow(refused(/deep/));
  expect(() => parseJson('[1,2,3,4,5,6]', bounds)).toThrow(refused(/many/));
  expect(() => parseJson('["hunter2', bounds)).toThrow(refused(/^it is not valid JSON$/));
});

test('lists too long to be read again are not written', () => {
  const table = must(parsed().tables[0], 'table');
  const chunk = must(table.chunks?.[0], 'chunk');
  const long = {...chunk, first: `T${'61'.repeat(20 * 1024 * 1024)}`};
  expect(() => checkManifestSize([{...table, chunks: [chunk]}], [])).not.toThrow();
  expect(() => checkManifestSize([{...table, chunks: [long, long]}], [])).toThrow(
    expect.objectContaining({code: 'VALUE_UNSUPPORTED', site: {table: 'note'}}),
  );
});

test('a message is one line of bounded length that commands no terminal', () => {
  const error = new EngineError('USAGE', `a\nb\u001b[2J\u202e\ud800${'x'.repeat(10_000)}`, {
    hint: 'c\rd',
  });
  expect(error.message).toMatch(/^a\\u000ab\\u001b\[2J\\u202e\ufffdx+…$/);
  expect(error.message.length).toBeLessThan(2_100);
  expect(error.hint).toBe('c\\u000dd');
});
