/** A snapshot's label as restic tags, and back. */
import type {SnapshotLabel, SnapshotRef} from '../port.ts';

/** Marks Rowplica's snapshots among others in one repository. */
export const OUR_TAG = 'rowplica';

const HEX = /^[0-9a-f]+$/;
const NUMBER = /^[1-9]\d*$/;

/** The tags of a label. Free text is escaped: a comma would make two tags of one. */
export function encodeTags(label: SnapshotLabel): readonly string[] {
  const tags = [
    OUR_TAG,
    `lineage=${encodeURIComponent(label.lineage)}`,
    `epoch=${label.epoch}`,
    `sequence=${label.sequence}`,
    `digest=${label.digest}`,
    `author=${encodeURIComponent(label.author)}`,
  ];
  return label.parent === undefined ? tags : [...tags, `parent=${label.parent}`];
}

/** The label that the tags spell, or undefined where they are not complete, or not ours. */
export function decodeTags(tags: readonly string[]): SnapshotLabel | undefined {
  if (!tags.includes(OUR_TAG)) return undefined;
  const lineage = decodeText(valueOf(tags, 'lineage'));
  const author = decodeText(valueOf(tags, 'author'));
  const epoch = decodeNumber(valueOf(tags, 'epoch'));
  const sequence = decodeNumber(valueOf(tags, 'sequence'));
  const digest = valueOf(tags, 'digest');
  const parent = valueOf(tags, 'parent');

  if (!lineage || !author || !epoch || !sequence || !digest || !HEX.test(digest)) return undefined;
  if (tags.some((tag) => tag.startsWith('parent=')) && !(parent && HEX.test(parent))) {
    return undefined;
  }
  return {lineage, epoch, sequence, digest, author, parent};
}

/** The snapshots of Rowplica in what `restic snapshots --json` printed; others are passed over. */
export function parseSnapshots(stdout: string): readonly SnapshotRef[] {
  const listed: unknown = JSON.parse(stdout);
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((entry: unknown) => refOf(entry) ?? []);
}

function refOf(entry: unknown): SnapshotRef | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const {id, time, tags}: {id?: unknown; time?: unknown; tags?: unknown} = entry;
  if (typeof id !== 'string' || typeof time !== 'string' || !Array.isArray(tags)) return undefined;
  const label = decodeTags(tags.filter((tag) => typeof tag === 'string'));
  return label && {...label, storeId: id, time: isoTime(time)};
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

function isoTime(time: string): string {
  const parsed = new Date(time);
  return Number.isNaN(parsed.getTime()) ? time : parsed.toISOString();
}
