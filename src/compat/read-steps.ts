/** Texts of compat files → steps in their order. What is wrong is named by file and line. */
import {isNode, LineCounter, parseDocument, type Document} from 'yaml';
import {EngineError} from '../kernel/errors.ts';
import {COMPAT_FILE_CHARS_MAX} from '../kernel/limits.ts';
import {compareNames} from '../schema/names.ts';
import {COMPAT_FORMAT, type Step} from './step.ts';
import {stepSchema} from './step-schema.ts';

/** A file as it was found: where, and what it says. `folder` is the name of the folder, that of the application. */
export type CompatFile = {
  readonly path: string;
  readonly folder: string;
  readonly name: string;
  readonly text: string;
};

/**
 * Reads all steps of an application, and puts them in order: after those they name, else by file name.
 *
 * @throws {EngineError} `COMPAT_INVALID` naming file and line: an unknown operation or member, two steps for one
 * migration, a step named that is not there, a cycle. `FORMAT_NEWER` for a format of a later Rowplica.
 */
export function readSteps(files: readonly CompatFile[]): readonly Step[] {
  const read = files.map(readStep);
  refuseTwice(read);
  return inOrder(read);
}

type Read = {readonly step: Step; readonly lineOf: (path: readonly PropertyKey[]) => number};

function readStep({path, folder, name, text}: CompatFile): Read {
  if (text.length > COMPAT_FILE_CHARS_MAX)
    throw invalid(path, 1, `it has more than ${COMPAT_FILE_CHARS_MAX} characters`);
  const counter = new LineCounter();
  const document = parseDocument(text, {lineCounter: counter, logLevel: 'error'});
  const lineOf = (at: readonly PropertyKey[]): number => lineIn(document, counter, at);
  const [error] = document.errors;
  if (error !== undefined)
    throw invalid(path, error.linePos?.[0].line ?? 1, 'it cannot be read as YAML');
  const json = plain(document, path);
  refuseNewer(json, path, lineOf);
  const parsed = stepSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys : [])];
    throw invalid(path, lineOf(at), reasonOf(issue, at));
  }
  const {migrations, operations, application} = parsed.data;
  const {after = [], reversible = false, refuse = []} = parsed.data;
  if (application !== folder)
    throw invalid(
      path,
      lineOf(['application']),
      `it is of "${application}", in a folder of "${folder}"`,
    );
  const lines = operations.map((_, at) => lineOf(['operations', at]));
  const refuseLines = refuse.map((_, at) => lineOf(['refuse', at]));
  const said = {migrations, after, reversible, refuse, operations};
  return {step: {name, file: path, ...said, lines, refuseLines}, lineOf};
}

/** Aliases are refused: they may multiply a small file beyond all bounds, and nobody needs them. */
function plain(document: Document, path: string): unknown {
  try {
    return document.toJS({maxAliasCount: 0});
  } catch {
    throw invalid(path, 1, 'it repeats parts of itself by aliases');
  }
}

function refuseNewer(json: unknown, path: string, lineOf: Read['lineOf']): void {
  const format = typeof json === 'object' && json !== null && 'format' in json ? json.format : 1;
  if (typeof format !== 'number' || format <= COMPAT_FORMAT) return;
  throw new EngineError(
    'FORMAT_NEWER',
    `${path}:${lineOf(['format'])}: it has format ${format}; this Rowplica reads up to ${COMPAT_FORMAT}`,
    {site: {path}, hint: 'Upgrade Rowplica on this instance.'},
  );
}

type Issue = {readonly message: string; readonly code?: string | undefined};

/** What is in a list is counted from 1, as people count. */
function reasonOf(issue: Issue | undefined, at: readonly PropertyKey[]): string {
  const named = at.map((part) => (typeof part === 'number' ? String(part + 1) : String(part)));
  const where = named.length === 0 ? '' : `${named.join(' ')}: `;
  return `${where}${REASONS[issue?.code ?? ''] ?? issue?.message ?? 'it is not as expected'}`;
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

function refuseTwice(read: readonly Read[]): void {
  const seen = new Map<string, Step>();
  for (const {step, lineOf} of read) {
    step.migrations.forEach((migration, at) => {
      const other = seen.get(migration);
      if (other !== undefined)
        throw invalid(
          step.file,
          lineOf(['migrations', at]),
          `migration "${migration}" has a step already, in ${other.file}`,
        );
      seen.set(migration, step);
    });
  }
}

/** Each after those that it names; of several that may come next, the first by name. */
function inOrder(read: readonly Read[]): readonly Step[] {
  const byName = new Map(read.map(({step}) => [step.name, step]));
  for (const {step, lineOf} of read) {
    step.after.forEach((other, at) => {
      if (byName.has(other)) return;
      throw invalid(step.file, lineOf(['after', at]), `there is no step "${other}"`);
    });
  }
  const waiting = read.toSorted((a, b) => compareNames(a.step.name, b.step.name));
  const done = new Set<string>();
  const ordered: Step[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({step}) => step.after.every((other) => done.has(other)));
    const [found] = next === -1 ? [] : waiting.splice(next, 1);
    if (found === undefined) throw cycle(waiting);
    ordered.push(found.step);
    done.add(found.step.name);
  }
  return ordered;
}

function cycle(waiting: readonly Read[]): EngineError {
  const [first] = waiting;
  const names = waiting.map(({step}) => step.name).join(', ');
  return invalid(
    first?.step.file ?? '',
    first?.lineOf(['after']) ?? 1,
    `its steps come after one another in a circle: ${names}`,
  );
}

/** @param line From 1. */
function invalid(path: string, line: number, why: string): EngineError {
  return new EngineError('COMPAT_INVALID', `${path}:${line}: ${why}`, {
    site: {path},
    hint: 'See docs/migrations-compat.md for what a compat file may say.',
  });
}
