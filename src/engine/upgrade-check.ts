/** upgrade-check: rehearses an upgrade of the application on a copy. The original is only read. */
import {copyFileSync, mkdtempSync} from 'node:fs';
import {join} from 'node:path';
import type {Database} from '../database/port.ts';
import {copyDatabase} from '../database/sqlite/scratch.ts';
import {isEngineError} from '../kernel/errors.ts';
import {withScratch} from '../state/scratch.ts';
import {newestSnapshot} from './choose-snapshot.ts';
import {draftStep, type Draft} from './compat-draft.ts';
import {loadSteps} from './compat-files.ts';
import {writeDraft} from './compat-new.ts';
import {stepsFor} from './compat-proof.ts';
import {readSide, type Side} from './compat-sides.ts';
import {judge, type Judgement} from './judge.ts';
import {databasePath, withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {runMigration, type Migration, type MigrationRun} from './run-migration.ts';
import {scratchSnapshot} from './scratch-snapshot.ts';
import {
  checkSoundness,
  reportUpgrade,
  type Soundness,
  type UpgradeReport,
} from './upgrade-report.ts';

export type UpgradeCheckOptions = EngineOptions & {
  readonly migration: Migration;
  /** Where to write a step for migrations that have none: a file that is not there yet. */
  readonly draft?: string | undefined;
};

export type UpgradeCheckResult = {
  /** `failed`: the migration itself did not succeed, and nothing else is known. */
  readonly verdict: 'safe' | 'unsafe' | 'failed';
  /** Why it is not safe. */
  readonly reasons: readonly string[];
  readonly migration: MigrationRun;
  readonly report: Upgraded | null;
};

export type Upgraded = UpgradeReport &
  Soundness & {
    readonly migrations: {readonly added: readonly string[]; readonly removed: readonly string[]};
    /** What comes of today's snapshot in the upgraded database: of the newest one, or of one made now where there is none. */
    readonly here: Judgement & {readonly snapshot: 'newest' | 'today'};
    /** What comes of a snapshot of the upgraded database on instances that are as this one is today. */
    readonly replicas: Judgement;
    /** A step for the migrations that have none; null where none is missing, or there is no profile. */
    readonly draft:
      (Draft & {readonly migrations: readonly string[]; readonly file: string | null}) | null;
  };

/** @throws {EngineError} where the database cannot be copied or read; `USAGE`; `INTERRUPTED`. */
export async function upgradeCheck(options: UpgradeCheckOptions): Promise<UpgradeCheckResult> {
  const {migration} = options;
  return withScratch(async (folder) => {
    const before = join(folder, 'before.db');
    await withDatabase(options, options.database, async () =>
      copyDatabase({
        from: databasePath(options.database),
        to: before,
        progress: options.progress,
        signal: options.signal,
      }),
    );
    const after =
      migration.kind === 'done' ? databasePath(migration.database) : join(folder, 'upgraded.db');
    if (migration.kind !== 'done') copyFileSync(before, after);
    const run = await runMigration(migration, after, options);
    if (!run.ok)
      return {verdict: 'failed', reasons: [whyFailed(run)], migration: run, report: null};
    const report = await withDatabase(options, before, (old) =>
      withDatabase(
        options,
        after,
        (now) => upgraded(options, folder, [old, now]),
        migration.kind === 'done' ? 'read' : 'write',
      ),
    );
    const soundness = checkSoundness(before, after);
    const reasons = reasonsOf({...report, ...soundness});
    const verdict = reasons.length === 0 ? 'safe' : 'unsafe';
    return {verdict, reasons, migration: run, report: {...report, ...soundness}};
  });
}

function whyFailed({exitCode, signal, timedOut}: MigrationRun): string {
  if (timedOut) return 'the migration took too long';
  return signal === null
    ? `the migration ended with exit code ${exitCode}`
    : `the migration was ended by ${signal}`;
}

type Pair = readonly [before: Database, after: Database];

async function upgraded(
  options: UpgradeCheckOptions,
  folder: string,
  pair: Pair,
): Promise<Omit<Upgraded, keyof Soundness>> {
  const [before, after] = pair;
  const report = await before.view((old) =>
    after.view((now) => reportUpgrade([old, now], options)),
  );
  const replicas = await judgeMade(options, folder, [after, before]);
  const here = await judgeToday(options, folder, pair);
  const {missingHere: removed, missingThere: added} = {
    missingHere: replicas.migrations.missingThere,
    missingThere: replicas.migrations.missingHere,
  };
  const draft =
    removed.length > 0 || added.length === 0 ? null : await drafted(options, pair, added);
  return {...report, migrations: {added, removed}, here, replicas, draft};
}

/** A snapshot of one database, judged in the other. */
async function judgeMade(
  options: EngineOptions,
  folder: string,
  [from, into]: Pair,
): Promise<Judgement> {
  const own = mkdtempSync(join(folder, 'snapshot-'));
  const {tables} = await from.view((view) => view.schema());
  const named = options.tables?.filter((name) => tables.has(name));
  const {snapshot, ...at} = await scratchSnapshot(from, own, {...options, tables: named});
  return judge({...at, database: into, options}, snapshot, tables);
}

async function judgeToday(
  options: EngineOptions,
  folder: string,
  [before, after]: Pair,
): Promise<Upgraded['here']> {
  const newest = await judgeNewest(options, after);
  if (newest !== undefined) return {...newest, snapshot: 'newest'};
  return {...(await judgeMade(options, folder, [before, after])), snapshot: 'today'};
}

/** Undefined where there is no store, or nothing in it yet. */
async function judgeNewest(
  options: EngineOptions,
  database: Database,
): Promise<Judgement | undefined> {
  try {
    return await withStore(options, async ({store, state, reader, keep}) => {
      const position = await state?.position();
      const ref = newestSnapshot(await store.list(), position?.lineage);
      if (ref === undefined) return undefined;
      const snapshot = await reader.open(ref, position);
      return judge({database, reader, keep, options}, snapshot);
    });
  } catch (error) {
    if (isEngineError(error, 'STORE_MISSING')) return undefined;
    throw error;
  }
}

async function drafted(
  options: UpgradeCheckOptions,
  [older, newer]: Pair,
  added: readonly string[],
): Promise<Upgraded['draft']> {
  return older.view((one) =>
    newer.view(async (other) => {
      const [before, after] = [await sideOrNone(one, options), await sideOrNone(other, options)];
      if (before === undefined || after === undefined) return null;
      const known = stepsFor(loadSteps(before.profile.name, options.compat), added);
      const {steps, withoutStep: migrations} = known;
      if (migrations.length === 0) return null;
      const draft = await draftStep(options, {before, after, steps, migrations});
      if (options.draft !== undefined) writeDraft(options.draft, draft.text);
      return {...draft, migrations, file: options.draft ?? null};
    }),
  );
}

/** Without a profile there are no compat steps. */
async function sideOrNone(
  view: Parameters<typeof readSide>[0],
  options: EngineOptions,
): Promise<Side | undefined> {
  try {
    return await readSide(view, options);
  } catch (error) {
    if (isEngineError(error, 'USAGE')) return undefined;
    throw error;
  }
}

/** A newer release may be held on replicas until they are upgraded: that is no danger. */
function reasonsOf({integrity, foreignKeys, tables, here, replicas}: Upgraded): readonly string[] {
  const rekeyed = Object.entries(tables).filter(([, {keyChanged}]) => keyChanged);
  return [
    ...(integrity.length > 0 ? ['the upgraded copy is damaged, as its integrity check says'] : []),
    ...foreignKeys.map(
      ({table, parent, rows}) =>
        `${rows} rows of "${table}" refer to rows of "${parent}" that are not there any more`,
    ),
    ...rekeyed.map(([name]) => `rows of "${name}" are identified by other columns than before`),
    ...(here.verdict === 'held' || here.verdict === 'refused'
      ? [
          `after the upgrade, ${here.snapshot === 'newest' ? 'the newest snapshot' : "today's rows"} could not be applied here any more`,
        ]
      : []),
    ...(replicas.verdict === 'refused'
      ? ['a snapshot of the upgraded database would be refused on instances of today']
      : []),
  ];
}
