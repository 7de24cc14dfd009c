/** Texts of compat files → steps in their order. What is wrong is named by file and line. */
import {isNode, LineCounter, parseDocument, type Document} from 'yaml';
import {EngineError} from '../kernel/errors.ts';
import {COMPAT_FILE_CHARS_MAX} from '../kernel/limits.ts';
import {compareNames} from '../schema/names.ts';
import {COMPAT_FORMAT, type Step, type StepFile} from './step.ts';
import {stepSchema} from './step-schema.ts';

/** A file as it was found: where, and what it says. `folder` is the name of the folder, that of the application. */
export type CompatFile = {
  readonly path: string;
  readonly folder: string;
  readonly name: string;
  readonly text: string;
};

/** What is wrong with a file, and in which line, from 1. */
export type StepFault = {
  readonly code: 'COMPAT_INVALID' | 'FORMAT_NEWER';
  readonly path: string;
  readonly line: number;
  readonly why: string;
};

/**
 * Reads all steps of an application, and puts them in order: after those they name, else by file name.
 *
 * @throws {EngineError} `COMPAT_INVALID` naming file and line: an unknown operation or member, two steps for one
 * migration, a step named that is not there, a cycle. `FORMAT_NEWER` for a format of a later Rowplica.
 */
export function readSteps(files: readonly CompatFile[]): readonly Step[] {
  const {steps, faults} = examineSteps(files);
  const [fault] = faults;
  if (fault !== undefined) throw faultError(fault);
  return steps;
}

/** The same, with all faults instead of the first one; the steps are in order where there are none. */
export function examineSteps(files: readonly CompatFile[]): {
  readonly steps: readonly Step[];
  readonly faults: readonly StepFault[];
} {
  const faults: StepFault[] = [];
  const read: Read[] = [];
  for (const file of files) {
    const one = readStep(file);
    if ('step' in one) read.push(one);
    else faults.push(...one.faults);
  }
  faults.push(...saidTwice(read));
  const {steps, faults: loose} = inOrder(read, new Set(files.map(({name}) => name)));
  return {steps, faults: [...faults, ...loose]};
}

function faultError({code, path, line, why}: StepFault): EngineError {
  return new EngineError(code, `${path}:${line}: ${why}`, {
    site: {path},
    hint:
      code === 'FORMAT_NEWER'
        ? 'Upgrade Rowplica on this instance.'
        : 'See docs/migrations-compat.md for what a compat file may say.',
  });
}

type Read = {readonly step: Step; readonly lineOf: (path: readonly PropertyKey[]) => number};
type Unread = {readonly faults: readonly StepFault[]};

function readStep(file: CompatFile): Read | Unread {
  const {path, name, folder, text} = file;
  if (text.length > COMPAT_FILE_CHARS_MAX)
    return unread(path, 1, `it has more than ${COMPAT_FILE_CHARS_MAX} characters`);
  const counter = new LineCounter();
  const document = parseDocument(text, {lineCounter: counter, logLevel: 'error'});
  const lineOf = (at: readonly PropertyKey[]): number => lineIn(document, counter, at);
  const [error] = document.errors;
  if (error !== undefined)
    return unread(path, error.linePos?.[0].line ?? 1, 'it cannot be read as YAML');
  const json = plain(document);
  if (json === undefined) return unread(path, 1, 'it repeats parts of itself by aliases');
  const newer = newerFormat(json.value);
  if (newer !== undefined)
    return {faults: [{code: 'FORMAT_NEWER', path, line: lineOf(['format']), why: newer}]};
  const parsed = stepSchema.safeParse(json.value);
  if (!parsed.success)
    return {faults: parsed.error.issues.map((issue) => faultOf(issue, path, lineOf))};
  const {application} = parsed.data;
  if (application !== folder)
    return unread(
      path,
      lineOf(['application']),
      `it is of "${application}", in a folder of "${folder}"`,
    );
  return {step: stepFrom(parsed.data, {name, file: path}, lineOf), lineOf};
}

function stepFrom(
  {migrations, operations, after = [], reversible = false, refuse = []}: StepFile,
  named: Pick<Step, 'name' | 'file'>,
  lineOf: Read['lineOf'],
): Step {
  const lines = operations.map((_, at) => lineOf(['operations', at]));
  const refuseLines = refuse.map((_, at) => lineOf(['refuse', at]));
  return {...named, migrations, after, reversible, refuse, operations, lines, refuseLines};
}

/** Aliases are refused: they may multiply a small file beyond all bounds, and nobody needs them. */
function plain(document: Document): {readonly value: unknown} | undefined {
  try {
    return {value: document.toJS({maxAliasCount: 0})};
  } catch {
    return undefined;
  }
}

function newerFormat(json: unknown): string | undefined {
  const format = typeof json === 'object' && json !== null && 'format' in json ? json.format : 1;
  if (typeof format !== 'number' || format <= COMPAT_FORMAT) return undefined;
  return `it has format ${format}; this Rowplica reads up to ${COMPAT_FORMAT}`;
}

type Issue = {
  readonly message: string;
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[] | undefined;
};

function faultOf(issue: Issue, path: string, lineOf: Read['lineOf']): StepFault {
  const at = [...issue.path, ...(issue.code === 'unrecognized_keys' ? (issue.keys ?? []) : [])];
  return invalid(path, lineOf(at), reasonOf(issue, at));
}

/** What is in a list is counted from 1, as people count. */
function reasonOf(issue: Issue, at: readonly PropertyKey[]): string {
  const named = at.map((part) => (typeof part === 'number' ? String(part + 1) : String(part)));
  const where = named.length === 0 ? '' : `${named.join(' ')}: `;
  return `${where}${REASONS[issue.code ?? ''] ?? issue.message}`;
}

const REASONS: Readonly<Record<string, string>> = {
  unrecognized_keys: 'there is no such member',
  invalid_union: 'it is none of what may stand here',
};

/** The line of the node at a path, or of the nearest one around it. */
function lineIn(document: Document, counter: LineCounter, at: readonly PropertyKey[]): number {
  for (let length = at.length; length > 0; length--) {
    const node = document.getIn(at.slice(0, length), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return 1;
}

function saidTwice(read: readonly Read[]): readonly StepFault[] {
  const seen = new Map<string, Step>();
  return read.flatMap(({step, lineOf}) =>
    step.migrations.flatMap((migration, at) => {
      const other = seen.get(migration);
      seen.set(migration, other ?? step);
      if (other === undefined) return [];
      const why = `migration "${migration}" has a step already, in ${other.file}`;
      return [invalid(step.file, lineOf(['migrations', at]), why)];
    }),
  );
}

/**
 * Each after those that it names; of several that may come next, the first by name.
 *
 * @param known Names of all steps, those that could not be read included.
 */
function inOrder(
  read: readonly Read[],
  known: ReadonlySet<string>,
): {readonly steps: readonly Step[]; readonly faults: readonly StepFault[]} {
  const faults = read.flatMap(({step, lineOf}) =>
    step.after.flatMap((other, at) =>
      known.has(other)
        ? []
        : [invalid(step.file, lineOf(['after', at]), `there is no step "${other}"`)],
    ),
  );
  const waiting = read.toSorted((a, b) => compareNames(a.step.name, b.step.name));
  const steps: Step[] = [];
  while (waiting.length > 0) {
    const open = new Set(waiting.map(({step}) => step.name)); // two folders may have files of one name
    const next = waiting.findIndex(({step}) => !step.after.some((other) => open.has(other)));
    const [found] = next === -1 ? [] : waiting.splice(next, 1);
    if (found === undefined) return {steps, faults: [...faults, cycle(waiting)]};
    steps.push(found.step);
  }
  return {steps, faults};
}

function cycle(waiting: readonly Read[]): StepFault {
  const [first] = waiting;
  const names = waiting.map(({step}) => step.name).join(', ');
  return invalid(
    first?.step.file ?? '',
    first?.lineOf(['after']) ?? 1,
    `its steps come after one another in a circle: ${names}`,
  );
}

function invalid(path: string, line: number, why: string): StepFault {
  return {code: 'COMPAT_INVALID', path, line, why};
}

function unread(path: string, line: number, why: string): Unread {
  return {faults: [invalid(path, line, why)]};
}
