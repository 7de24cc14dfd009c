/** What others are told of a service: that its status changed, and that rows were applied, or captured. Names and counts, never values. Pure. */
import type {ChangeCounts} from '../kernel/row.ts';
import type {Position} from '../kernel/position.ts';
import type {CycleReport} from './service.ts';
import type {Role, StatusWord, Verdict} from './status.ts';

/** Who speaks. */
export type Speaker = {
  readonly role: Role;
  /** Name of the machine, or of the container. */
  readonly host: string;
  readonly database: string;
};

export type Notice = Speaker & {
  /** ISO 8601. */
  readonly at: string;
  readonly status: StatusWord;
  readonly reason: string;
} & (
    | {readonly event: 'status'; /** Null at the start. */ readonly before: StatusWord | null}
    | {
        readonly event: 'applied' | 'captured';
        readonly position: Position;
        /** Rows written, or what changed since the snapshot before. */
        readonly tables: Readonly<Record<string, ChangeCounts>>;
      }
  );

type Moment = Speaker & {readonly at: string; readonly verdict: Verdict};

/** Undefined where nothing changed; a service that is well from its start on says nothing of it. */
export function statusNotice(
  {verdict, ...moment}: Moment,
  before: StatusWord | undefined,
): Notice | undefined {
  const {status} = verdict;
  if (status === (before ?? 'ok')) return undefined;
  return {event: 'status', ...moment, ...verdict, before: before ?? null};
}

/** Undefined where no row was written: most cycles of a replica. */
export function appliedNotice(
  speaker: Speaker,
  {at, done, verdict}: Pick<CycleReport, 'at' | 'done' | 'verdict'>,
): Notice | undefined {
  if (done?.did !== 'replicated') return undefined;
  const {lineage, epoch, sequence, snapshot: digest, tables} = done.result;
  const written = changed(tables);
  if (Object.keys(written).length === 0) return undefined;
  const position = {lineage, epoch, sequence, digest};
  return {event: 'applied', ...speaker, at, ...verdict, position, tables: written};
}

/** Undefined where nothing new was stored. */
export function capturedNotice(
  speaker: Speaker,
  {at, done, verdict}: Pick<CycleReport, 'at' | 'done' | 'verdict'>,
): Notice | undefined {
  if (done?.did !== 'captured' || !done.result.changed) return undefined;
  const {lineage, epoch, sequence, snapshot: digest, tables} = done.result;
  const position = {lineage, epoch, sequence, digest};
  return {event: 'captured', ...speaker, at, ...verdict, position, tables: changed(tables)};
}

/** Tables of which rows changed. */
function changed(tables: Readonly<Record<string, ChangeCounts>>): Record<string, ChangeCounts> {
  const some = Object.entries(tables).filter(([, counts]) => rowsOf(counts) > 0);
  return Object.fromEntries(
    some.map(([name, {inserted, updated, deleted}]) => [name, {inserted, updated, deleted}]),
  );
}

const rowsOf = ({inserted, updated, deleted}: ChangeCounts): number => inserted + updated + deleted;

/** As people read it: a heading in ASCII, for it travels in a header, and a line. */
export function spokenNotice(notice: Notice): {readonly title: string; readonly text: string} {
  const {host, role, status, reason} = notice;
  const who = `Rowplica ${role} on ${host}`.replaceAll(/[^ -~]/g, '?');
  if (notice.event === 'status') return {title: `${who}: ${status}`, text: reason};
  const lines = Object.entries(notice.tables).map(([table, {inserted, updated, deleted}]) => {
    const parts = [`${inserted} inserted`, `${updated} updated`, `${deleted} deleted`];
    return `${table}: ${parts.filter((part) => !part.startsWith('0 ')).join(', ')}`;
  });
  const {epoch, sequence} = notice.position;
  return {title: `${who}: ${notice.event} ${epoch}.${sequence}`, text: lines.join('\n')};
}
