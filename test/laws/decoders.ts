/** Every decoder of what comes from outside, with valid documents to damage. One more format is one more entry. */
import stringify from 'fast-json-stable-stringify';
import {digestOf} from '../../src/canonical/digest.ts';
import {rowText} from '../../src/canonical/row.ts';
import {readSteps} from '../../src/compat/read-steps.ts';
import {parseConfig} from '../../src/config/config-file.ts';
import {decodeDomains} from '../../src/engine/base-domains.ts';
import {decodeIntent} from '../../src/engine/intent.ts';
import {must} from '../../src/kernel/assert.ts';
import type {ErrorCode} from '../../src/kernel/errors.ts';
import type {CanonicalRow} from '../../src/kernel/row.ts';
import {decodeChunk} from '../../src/snapshot/chunk.ts';
import type {ChunkEntry} from '../../src/snapshot/content.ts';
import {decodeManifest, encodeManifest} from '../../src/snapshot/manifest-text.ts';
import {decodePage} from '../../src/snapshot/pages.ts';
import {decodePrevious} from '../../src/state/undo-records.ts';
import {formatLabel, parseLabel} from '../../src/store/directory/list-labels.ts';
import {decodeTags, encodeTags, parseListed} from '../../src/store/restic/snapshot-tags.ts';
import * as documents from '../helpers/hostile/documents.ts';

type Decoder = {
  readonly name: string;
  readonly documents: readonly Buffer[];
  /** Codes of the errors that it may throw. */
  readonly codes: readonly ErrorCode[];
  /** A value; undefined where it passes over what is not well-formed. */
  readonly decode: (bytes: Buffer) => unknown;
  /** How the value is written, where the format has one spelling of it. */
  readonly encode?: (value: never) => string;
};

const CORRUPT = ['SNAPSHOT_CORRUPT'] as const;

/** The digest is always right, as an attacker would make it. */
function signed<Entry extends ChunkEntry>(entry: Entry, bytes: Buffer): Entry {
  return {...entry, digest: digestOf(bytes)};
}

export const decoders: readonly Decoder[] = [
  {
    name: 'manifest',
    documents: documents.manifests,
    codes: [...CORRUPT, 'FORMAT_NEWER'],
    decode: (bytes) => decodeManifest(bytes),
    encode: (value) => Buffer.from(encodeManifest(value)).toString('latin1'),
  },
  {
    name: 'index page',
    documents: documents.pages.map(({bytes}) => Buffer.from(bytes)),
    codes: CORRUPT,
    decode: (bytes) => decodePage('note', signed(pageOf(bytes), bytes), bytes),
    encode: (value: readonly ChunkEntry[]) =>
      value.map((entry) => `${stringify(entry)}\n`).join(''),
  },
  {
    name: 'chunk',
    documents: documents.chunks.map(({bytes}) => bytes),
    codes: CORRUPT,
    decode: (bytes) =>
      decodeChunk(documents.shape, signed(must(documents.chunks[0], 'chunk').entry, bytes), bytes),
    encode: (value: readonly CanonicalRow[]) =>
      Buffer.from(value.map(({cells}) => `${rowText(cells)}\n`).join('')).toString('latin1'),
  },
  {
    name: 'configuration',
    documents: documents.configurations,
    codes: ['CONFIG_INVALID'],
    decode: (bytes) => parseConfig('rowplica.yaml', bytes.toString('utf8')),
  },
  {
    name: 'compat step',
    documents: documents.compatSteps,
    codes: ['COMPAT_INVALID', 'FORMAT_NEWER'],
    decode: (bytes) => {
      const file = (name: string, text: string) => ({path: name, folder: 'app', name, text});
      const other = 'format: 1\napplication: app\nsummary: s\nmigrations: [z]\noperations: []\n';
      return readSteps([file('step', bytes.toString('utf8')), file('other', other)]);
    },
  },
  {
    name: 'label of a directory store',
    documents: documents.labels,
    codes: [],
    decode: (bytes) => {
      const stored = parseLabel(bytes.toString('utf8'));
      if (stored === undefined) return undefined;
      const {time, ...label} = stored;
      // Stored labels have more spellings than one; what is read is written as it is read again.
      if (stringify(parseLabel(formatLabel(label, time))) !== stringify(stored))
        throw new Error('reads otherwise');
      return stored;
    },
  },
  {
    name: 'list of restic snapshots',
    documents: documents.listings,
    codes: ['STORE_FAILED'],
    decode: (bytes) => {
      const refs = parseListed(bytes.toString('utf8')).snapshots;
      for (const {storeId: _, time: _time, ...label} of refs) {
        if (stringify(decodeTags(encodeTags(label))) !== stringify(label))
          throw new Error('reads otherwise');
      }
      return refs;
    },
  },
  {
    name: 'intent and undo record',
    documents: documents.intents,
    codes: CORRUPT,
    decode: (bytes) => decodeIntent(bytes.toString('utf8')),
  },
  {
    name: 'rows that were followed',
    documents: [
      {},
      {
        note: {only: [], by: 'copy'},
        link: {
          only: [
            {column: 'a', in: ['x']},
            {column: 'b', below: 9},
          ],
          by: 'merge merge a',
        },
      },
    ].map((domains) => Buffer.from(JSON.stringify(domains))),
    codes: [],
    decode: (bytes) => decodeDomains(bytes.toString('utf8'))('note'),
  },
  {
    name: 'position before an apply',
    documents: documents.previous,
    codes: [],
    decode: (bytes) => decodePrevious(bytes.toString('utf8')) ?? undefined,
  },
];

function pageOf(bytes: Buffer) {
  const page = documents.pages.find((each) => Buffer.from(each.bytes).equals(bytes));
  return (page ?? must(documents.pages[0], 'page')).entry;
}
