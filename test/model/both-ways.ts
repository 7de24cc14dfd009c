/** One case twice: through the engine, and through SQLite's own enforcement of references. */
import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {
  capture,
  EngineError,
  noProgress,
  replicate,
  silentLog,
  type EngineOptions,
} from '../../src/index.ts';
import {follow, referencesOf} from './actions.ts';
import {columnOf, type ModelCase, type TableSpec} from './cases.ts';
import {makeFile, readFile, type Content} from './databases.ts';
import {enforced, ORDERS} from './enforced.ts';

type Result = Content | 'refused';

export type BothWays = {
  /** Undefined where SQLite does not agree with itself. */
  readonly witness: Result | undefined;
  /** An action keeps a row that another deletes, or RESTRICT is relaxed by deferring. */
  readonly held: boolean;
  readonly ours: Result;
  readonly before: Content;
  readonly refusal?: EngineError;
};

export async function bothWays(made: ModelCase, folder: string): Promise<BothWays> {
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  makeFile(primary, made, made.primary);
  makeFile(replica, made, made.replica);
  const read = (path: string): Content => readFile(path, made.tables).content;
  const [wanted, before] = [read(primary), read(replica)];
  const results = ORDERS.map((order): Result | undefined => {
    const copy = join(folder, `${order}.db`);
    copyFileSync(replica, copy);
    const end = enforced(copy, made.tables, wanted, order);
    return end === 'done' ? read(copy) : end;
  });
  const [first, ...others] = results;
  const agreed = others.every((other) => text(other) === text(first));
  const witness = agreed ? first : undefined;
  const {forbidden, ambiguous} = follow(made.tables, before, wanted);
  // Deferring takes the edge off RESTRICT: where another row takes the value, SQLite lets it pass then.
  const relaxed = witness !== 'refused' && forbidden.some(({why}) => why.endsWith('RESTRICT'));
  const held =
    ambiguous ||
    relaxed ||
    convertsAlone(made) ||
    (forbidden.length > 0 && !forbidden.some(({certain}) => certain));
  if (witness === undefined) return {witness, held, ours: before, before};
  const options: EngineOptions = {
    database: primary,
    store: `dir:${join(folder, 'store')}`,
    state: join(folder, 'primary-state'),
    tables: made.tables.filter(({replicated}) => replicated).map(({name}) => name),
    env: {},
    log: silentLog,
    progress: noProgress,
  };
  try {
    await capture(options);
    await replicate({
      ...options,
      database: replica,
      state: join(folder, 'replica-state'),
      allowDeletes: options.tables,
    });
    return {witness, held, ours: read(replica), before};
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const isUsable = error.code !== 'KEY_UNUSABLE';
    return {witness: isUsable ? witness : undefined, held, ours: 'refused', before, refusal: error};
  }
}

/**
 * True where a referring column converts values and the one referred to does not: SQLite checks references by
 * the latter, and its own actions look rows up by the former.
 */
function convertsAlone({tables}: ModelCase): boolean {
  const converts = ({strict}: TableSpec, type: string): boolean =>
    !['', 'BLOB'].includes(type) && !(strict && type === 'ANY');
  return referencesOf(tables).some(({child, columns, parent, parentColumns}) =>
    columns.some(
      (name, at) =>
        converts(child, columnOf(child, name).type) &&
        !converts(parent, columnOf(parent, parentColumns[at] ?? '').type),
    ),
  );
}

function text(result: Result | undefined): string {
  return JSON.stringify(result instanceof Map ? [...result] : (result ?? null));
}
