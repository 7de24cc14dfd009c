/** The text of a drafted step file. */
import {COMPAT_FORMAT, type Operation} from './step.ts';

/** What a draft says at one place: an operation, what a person should know of it, and what is left to find out. */
export type DraftPart = {
  readonly operation?: Operation | undefined;
  readonly notes?: readonly string[] | undefined;
  /** What no comparison of rows can say. */
  readonly open?: readonly string[] | undefined;
};

export type DraftFile = {
  readonly application: string;
  readonly migrations: readonly string[];
  readonly parts: readonly DraftPart[];
};

/** Marks what is left to a person. It is put together, as in this project's own files such a mark needs a link. */
const OPEN = ['TO', 'DO'].join('');

/** A file that parses; it says what is open in comments. */
export function draftText({application, migrations, parts}: DraftFile): string {
  const isEmpty = parts.every(({operation}) => operation === undefined);
  return [
    '# yaml-language-server: $schema=../schema.json',
    '# Drafted by comparing a database with an upgraded copy of it. Review each line: rows that are not in these databases',
    '# may tell more. See docs/migrations-compat.md.',
    `format: ${COMPAT_FORMAT}`,
    `application: ${scalar(application)}`,
    `summary: ${scalar(`${OPEN}: say what these migrations do to replicated rows`)}`,
    'migrations:',
    ...migrations.map((name) => `  - ${scalar(name)}`),
    '# reversible: true would say that the release before understands rows that were lowered. Left out, snapshots of the newer',
    '# release are held on instances of the older one until they are upgraded.',
    isEmpty ? 'operations: []' : 'operations:',
    ...parts.flatMap(partLines),
    '',
  ].join('\n');
}

function partLines({operation, notes = [], open = []}: DraftPart): readonly string[] {
  return [
    ...open.map((text) => `  # ${OPEN}: ${oneLine(text)}`),
    ...notes.map((text) => `  # ${oneLine(text)}`),
    ...(operation === undefined ? [] : operationLines(operation)),
  ];
}

function operationLines(operation: Operation): readonly string[] {
  const members = Object.entries(operation).filter(([, value]) => value !== undefined);
  return members.map(
    ([name, value], at) => `  ${at === 0 ? '-' : ' '} ${scalar(name)}: ${flow(value)}`,
  );
}

/** In the style of JSON, which YAML understands, without quotes where none are needed. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${scalar(name)}: ${flow(member)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? scalar(value) : String(value);
}

const PLAIN = /^[A-Za-z_][\w.-]*$/;
const MEANS_SOMETHING = /^(?:null|true|false|yes|no|on|off|y|n)$/i;

function scalar(text: string): string {
  return PLAIN.test(text) && !MEANS_SOMETHING.test(text) ? text : JSON.stringify(text);
}

/** Names may hold line ends, and what no YAML may. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{C}/gu, ' ');
}
