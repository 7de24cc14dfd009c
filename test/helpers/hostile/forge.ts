/** Puts snapshots into a directory store as an attacker would who knows the format: every digest is right. */
import {createHash} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import stringify from 'fast-json-stable-stringify';
import {must} from '../../../src/kernel/assert.ts';
import {rootDigest, tableContent} from '../../../src/snapshot/content.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../../../src/snapshot/manifest.ts';

type Open<T> = {-readonly [Field in keyof T]: T[Field]};
export type ForgedTable = Open<ManifestTable>;
export type ForgedManifest = Open<Omit<Manifest, 'tables'>> & {tables: ForgedTable[]};

const HEADER = 'rowplica-manifest 1\n';

export function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The folder of the only snapshot. */
export function snapshotFolder(store: string): string {
  const folder = join(store, 'snapshots');
  return join(folder, must(readdirSync(folder)[0], 'there is a snapshot'));
}

export function manifestOf(store: string): ForgedManifest {
  const text = readFileSync(join(snapshotFolder(store), 'manifest'), 'utf8');
  return JSON.parse(text.slice(HEADER.length)) as ForgedManifest;
}

/** Where an object is kept. */
export function objectFile(store: string, name: string): string {
  return join(store, 'objects', name.slice(0, 2), name);
}

/** Stores bytes as an object; gives its digest. */
export function putObject(store: string, bytes: string | Uint8Array): string {
  const name = digest(bytes);
  mkdirSync(join(store, 'objects', name.slice(0, 2)), {recursive: true});
  writeFileSync(objectFile(store, name), bytes);
  return name;
}

/** Makes the manifest's own digests fit what it lists. */
export function sign(manifest: ForgedManifest): ForgedManifest {
  for (const table of manifest.tables) {
    if (table.chunks !== undefined)
      table.digest = tableContent(shapeOf(table), table.chunks).digest;
  }
  manifest.root = rootDigest(manifest.tables);
  return manifest;
}

/** Replaces the only snapshot by one with this manifest; `edit` changes its text last. */
export function replaceManifest(
  store: string,
  manifest: object,
  edit: (text: string) => string = (text) => text,
): void {
  const bytes = Buffer.from(`${HEADER}${edit(stringify(manifest))}\n`);
  writeFileSync(join(snapshotFolder(store), 'manifest'), bytes);
  relabel(store, {digest: digest(bytes)});
}

/** Replaces fields of the only snapshot's label, and names its folder after them. */
export function relabel(store: string, fields: Readonly<Record<string, unknown>>): void {
  const folder = snapshotFolder(store);
  const file = join(folder, 'label.json');
  const label = {...(JSON.parse(readFileSync(file, 'utf8')) as object), ...fields} as {
    lineage: string;
    epoch: number;
    sequence: number;
    digest: string;
  };
  writeFileSync(file, JSON.stringify(label));
  const {lineage, epoch, sequence, digest: id} = label;
  const name = `${encodeURIComponent(lineage)}.${epoch}.${sequence}.${id}`;
  renameSync(folder, join(store, 'snapshots', name));
}
