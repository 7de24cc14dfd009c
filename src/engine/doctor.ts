/** doctor: looks at everything a run needs, and names what does not travel. Changes nothing. */
import type {Database, View} from '../database/port.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import type {Finding} from '../profiles/profile.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {selectTables, type Selected} from './read-tables.ts';

export type DoctorResult = {
  /** False where a finding is a problem. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
};

/** @throws {EngineError} only where the database itself cannot be opened. */
export async function doctor(options: EngineOptions): Promise<DoctorResult> {
  const local = await withDatabase(options, options.database, (database) =>
    examineDatabase(database, options),
  );
  const findings = [...local, ...(await examineStore(options))];
  return {ok: findings.every((finding) => finding.level !== 'problem'), findings};
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
      return [head, ...(await examineTables(view, selected))];
    } catch (error) {
      return [head, problem('tables', error)];
    }
  });
}

async function examineTables(view: View, {profile, shapes}: Selected): Promise<readonly Finding[]> {
  const known = profile === undefined ? 'no profile' : `profile ${profile.name}`;
  const findings: Finding[] = [ok('tables', `${shapes.length} tables are replicated (${known}).`)];
  try {
    const version = (await profile?.version(view)) ?? [];
    if (profile !== undefined)
      findings.push(ok('version', `${version.length} migrations are applied.`));
  } catch (error) {
    findings.push(problem('version', error));
  }
  findings.push(...(await danglingReferences(view, shapes)), ...(await triggersOf(view, shapes)));
  return [...findings, ...((await profile?.findings(view)) ?? [])];
}

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
      const message = `${values.length} values refer to rows of "${key.parent}" that are not there; replicas will carry them.`;
      findings.push({level: 'note', subject: `${table}.${key.columns.join(', ')}`, message});
    }
  }
  return findings;
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
    return await withStore(options, async ({store}) => {
      const refs = await store.list();
      return [ok('store', `${store.name} answers and holds ${refs.length} snapshots.`)];
    });
  } catch (error) {
    const missing = isEngineError(error, 'STORE_MISSING');
    if (missing)
      return [
        {level: 'note', subject: 'store', message: `${error.message}; the first capture makes it.`},
      ];
    return [problem('store', error)];
  }
}

function ok(subject: string, message: string): Finding {
  return {level: 'ok', subject, message};
}

function problem(subject: string, error: unknown): Finding {
  if (!(error instanceof EngineError)) throw error;
  return {level: 'problem', subject, message: `${error.message}. ${error.hint ?? ''}`.trim()};
}
