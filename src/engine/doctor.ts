/** doctor: looks at everything a run needs, and names what does not travel. Changes nothing. */
import type {Database, View} from '../database/port.ts';
import {counted} from '../kernel/counted.ts';
import {EngineError, EXIT_CODES, isEngineError} from '../kernel/errors.ts';
import type {Finding} from '../profiles/profile.ts';
import {isKeyless} from '../schema/locator.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {peekAtState, withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {selectTables, type Selected} from './read-tables.ts';
import {appliedMigrations} from './source-version.ts';

export type DoctorResult = {
  /** False where a finding is a problem. */
  readonly ok: boolean;
  /** Exit code of the first problem; 0 without one. */
  readonly exitCode: number;
  readonly findings: readonly Finding[];
};

/** @throws {EngineError} only where the database itself cannot be opened. */
export async function doctor(options: EngineOptions): Promise<DoctorResult> {
  const local = await withDatabase(options, options.database, (database) =>
    examineDatabase(database, options),
  );
  const findings = [...local, ...(await examineStore(options)), ...(await examineHold(options))];
  const problems = findings.filter((finding) => finding.level === 'problem');
  const exitCode = problems[0] === undefined ? 0 : (problems[0].exitCode ?? EXIT_CODES.UNEXPECTED);
  return {ok: problems.length === 0, exitCode, findings};
}

async function examineDatabase(
  database: Database,
  options: EngineOptions,
): Promise<readonly Finding[]> {
  const {engine, version} = database.capabilities;
  return database.view(async (view) => {
    const head = ok('database', `${database.name} opens (${engine} ${version}).`);
    try {
      const selected = await selectTables(view, options);
      return [head, ...(await examineTables(view, selected, options))];
    } catch (error) {
      return [head, problem('tables', error)];
    }
  });
}

async function examineTables(
  view: View,
  {profile, shapes}: Selected,
  {migrations}: EngineOptions,
): Promise<readonly Finding[]> {
  const known = profile === undefined ? 'no profile' : `profile ${profile.name}`;
  const findings: Finding[] = [
    ok('tables', `${counted(shapes.length, 'table')} to replicate (${known}).`),
  ];
  try {
    const version = await appliedMigrations(view, profile, migrations);
    findings.push(
      version.length > 0 || profile !== undefined
        ? ok('version', `${counted(version.length, 'migration')} applied.`)
        : {level: 'note', subject: 'version', message: UNVERSIONED},
    );
  } catch (error) {
    findings.push(problem('version', error));
  }
  findings.push(...(await danglingReferences(view, shapes)), ...(await triggersOf(view, shapes)));
  findings.push(...(await keylessTables(view, shapes)));
  return [...findings, ...((await profile?.findings(view)) ?? [])];
}

const UNVERSIONED =
  'nothing tells which migrations this database has seen: its tables alone decide what may be replicated. Is there a table of migrations? Name it with --migrations-table.';

const DANGLING_COUNTED_MAX = 1000;

async function danglingReferences(
  view: View,
  shapes: readonly TableShape[],
): Promise<readonly Finding[]> {
  const {tables} = await view.schema();
  const findings: Finding[] = [];
  for (const {table} of shapes) {
    for (const key of tables.get(table)?.foreignKeys ?? []) {
      const values = await view.dangling(key, DANGLING_COUNTED_MAX);
      if (values.length === 0) continue;
      const message = `${counted(values.length, 'value')} without a row in "${key.parent}"; replicas carry what dangles on the primary.`;
      findings.push({level: 'note', subject: `${table}.${key.columns.join(', ')}`, message});
    }
  }
  return findings;
}

async function keylessTables(
  view: View,
  shapes: readonly TableShape[],
): Promise<readonly Finding[]> {
  const {tables} = await view.schema();
  return shapes.flatMap((shape) => {
    const schema = tables.get(shape.table);
    if (schema === undefined || !isKeyless(schema, shape)) return [];
    const message = 'no key identifies its rows: it is compared as a multiset of whole rows.';
    return [{level: 'note' as const, subject: shape.table, message}];
  });
}

async function triggersOf(view: View, shapes: readonly TableShape[]): Promise<readonly Finding[]> {
  const {tables} = await view.schema();
  return shapes.flatMap(({table}) =>
    (tables.get(table)?.triggers ?? []).map(({name, writes}) => ({
      level: 'note' as const,
      subject: table,
      message:
        writes?.length === 0
          ? `trigger "${name}" runs when rows are replicated; the result is read back.`
          : `trigger "${name}" writes other tables: replicating this table needs --allow-triggers.`,
    })),
  );
}

async function examineStore(options: EngineOptions): Promise<readonly Finding[]> {
  try {
    return await withStore(options, async ({store, state}) => {
      const refs = await store.list();
      const position = await state?.position();
      const lost = position !== undefined && refs.every((ref) => ref.lineage !== position.lineage);
      return lost
        ? [historyLost(store.name)]
        : [ok('store', `${store.name} answers and holds ${counted(refs.length, 'snapshot')}.`)];
    });
  } catch (error) {
    if (!isEngineError(error, 'STORE_MISSING')) return [problem('store', error)];
    const position = await peekAtState(options, async (state) => state?.position());
    if (position !== undefined) return [historyLost('the store')];
    return [
      {level: 'note', subject: 'store', message: `${error.message}; the first capture makes it.`},
    ];
  }
}

async function examineHold(options: EngineOptions): Promise<readonly Finding[]> {
  const hold = await peekAtState(options, async (state) => state?.undos.held());
  if (hold === undefined) return [];
  const message = `sequence ${hold.sequence} of epoch ${hold.epoch} was undone here: replicate waits for a newer snapshot, or rowplica resume.`;
  return [{level: 'note', subject: 'held', message}];
}

function historyLost(store: string): Finding {
  const message = `${store} does not hold the history that this database follows: check its address.`;
  return {level: 'problem', subject: 'store', message, exitCode: EXIT_CODES.STORE_MISSING};
}

function ok(subject: string, message: string): Finding {
  return {level: 'ok', subject, message};
}

function problem(subject: string, error: unknown): Finding {
  if (!(error instanceof EngineError)) throw error;
  return {
    level: 'problem',
    subject,
    message: `${error.message}. ${error.hint ?? ''}`.trim(),
    exitCode: error.exitCode,
  };
}
