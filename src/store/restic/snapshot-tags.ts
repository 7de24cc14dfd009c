/** A snapshot's label as restic tags, and back. */
import {EngineError} from '../../kernel/errors.ts';
import {isoTime, labelOf} from '../label.ts';
import type {AliveLabel, AliveRef, Looked, SnapshotLabel, SnapshotRef} from '../port.ts';

/** Marks Rowplica's snapshots among others in one repository. */
export const OUR_TAG = 'rowplica';

/** Marks signs of life, which must not be taken for snapshots. */
export const ALIVE_TAG = 'rowplica-alive';

const NUMBER = /^[1-9]\d*$/;

/** The tags of a label. Free text is escaped: a comma would make two tags of one. */
export function encodeTags(label: SnapshotLabel): readonly string[] {
  const tags = [OUR_TAG, ...fieldTags(label)];
  return label.parent === undefined ? tags : [...tags, `parent=${label.parent}`];
}

export function encodeAliveTags(label: AliveLabel): readonly string[] {
  return [ALIVE_TAG, ...fieldTags(label)];
}

function fieldTags({lineage, epoch, sequence, digest, author}: AliveLabel): readonly string[] {
  return [
    `lineage=${encodeURIComponent(lineage)}`,
    `epoch=${epoch}`,
    `sequence=${sequence}`,
    `digest=${digest}`,
    `author=${encodeURIComponent(author)}`,
  ];
}

/** The label that the tags spell, or undefined where they are not complete, or not ours. */
export function decodeTags(tags: readonly string[]): SnapshotLabel | undefined {
  return tags.includes(OUR_TAG) ? decodeFields(tags) : undefined;
}

function decodeFields(tags: readonly string[]): SnapshotLabel | undefined {
  const lineage = decodeText(valueOf(tags, 'lineage'));
  const author = decodeText(valueOf(tags, 'author'));
  const epoch = decodeNumber(valueOf(tags, 'epoch'));
  const sequence = decodeNumber(valueOf(tags, 'sequence'));
  const digest = valueOf(tags, 'digest');
  const parent = valueOf(tags, 'parent');

  if (parent === undefined && tags.some((tag) => tag.startsWith('parent='))) return undefined;
  return labelOf({lineage, epoch, sequence, digest, author, parent});
}

/**
 * What is Rowplica's in what `restic snapshots --json` printed; other snapshots are passed over.
 *
 * @throws {EngineError} `STORE_FAILED` for anything but a list: it must not look like an empty one.
 */
export function parseListed(stdout: string): Looked {
  const entries = entriesIn(stdout).flatMap((entry) => entryOf(entry) ?? []);
  return {
    snapshots: entries.flatMap((entry) => refOf(entry) ?? []),
    alive: entries.flatMap((entry) => aliveOf(entry) ?? []),
  };
}

type Entry = {readonly id: string; readonly time: string; readonly tags: readonly string[]};

/** What restic listed, unread. @throws {EngineError} `STORE_FAILED` for anything but a list. */
export function entriesIn(stdout: string): readonly unknown[] {
  const listed = jsonOf(stdout);
  if (listed === null) return [];
  if (!Array.isArray(listed)) {
    throw new EngineError(
      'STORE_FAILED',
      'restic printed something else than a list of snapshots',
      {
        hint: 'Run `restic snapshots --json` to see what it says.',
      },
    );
  }
  return listed;
}

function entryOf(entry: unknown): Entry | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const {id, time, tags}: {id?: unknown; time?: unknown; tags?: unknown} = entry;
  if (typeof id !== 'string' || typeof time !== 'string' || !Array.isArray(tags)) return undefined;
  return {id, time: isoTime(time) ?? NO_TIME, tags: tags.filter((tag) => typeof tag === 'string')};
}

function refOf({id, time, tags}: Entry): SnapshotRef | undefined {
  const label = decodeTags(tags);
  return label && {...label, storeId: id, time};
}

/** What carries both marks is no sign of life: nobody writes that. */
function aliveOf({id, time, tags}: Entry): AliveRef | undefined {
  if (!tags.includes(ALIVE_TAG) || tags.includes(OUR_TAG)) return undefined;
  const fields = decodeFields(tags);
  if (fields === undefined) return undefined;
  const {lineage, epoch, sequence, digest, author} = fields;
  return {lineage, epoch, sequence, digest, author, storeId: id, time};
}

/** Shown for a snapshot whose time cannot be told, as restic itself shows it. */
const NO_TIME = '0001-01-01T00:00:00.000Z';

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value of the one tag of that name; undefined where there is none, or more than one. */
function valueOf(tags: readonly string[], name: string): string | undefined {
  const found = tags.filter((tag) => tag.startsWith(`${name}=`));
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined;
}

function decodeText(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function decodeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}
