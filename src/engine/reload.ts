/** reload: has a running application take notice of what was applied, as its profile knows how to. */
import {setTimeout as pause} from 'node:timers/promises';
import {z} from 'zod';
import {RELOAD_LISTEN_MS, RELOAD_LISTEN_POLL_MS} from '../kernel/limits.ts';
import {applicationNamed, recognise} from '../profiles/find-profile.ts';
import type {Notice, Reload, TellOptions, Told} from '../profiles/profile.ts';
import type {State} from '../state/state.ts';
import {untoldChanges, type Untold} from './applied-changes.ts';
import {peekAtState, withDatabase, withState} from './open.ts';
import type {EngineOptions} from './options.ts';

export type ReloadRequest = {
  /** False tells nobody, and only finds out what there is to be told. */
  readonly isTelling: boolean;
  /** True where it is started anew for what cannot be told otherwise: then the rest need not be told. */
  readonly mayRestart: boolean;
  /** True where the application is known to run. */
  readonly isRunning: boolean;
  /** Undefined: where its profile says that it listens. */
  readonly url: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly timeoutMs: number;
};

export type ReloadResult = {
  /** The last apply that this is about; null where nothing was applied since the last time. */
  readonly through: number | null;
  /**
   * `unneeded`: there is nothing that it has to be told. `told`, `absent` (it does not run). `restart`: only a restart helps.
   * `failed`: it could not be told. `unknown`: no profile knows what to tell it.
   */
  readonly outcome: 'unneeded' | 'told' | 'absent' | 'restart' | 'failed' | 'unknown';
  /** Tables that were written. */
  readonly tables: readonly string[];
  /** Calls that were made, by name. */
  readonly calls: Readonly<Record<string, number>>;
  /** Why it has to be restarted, or could not be told; what an earlier call left due counts. */
  readonly reason: string | null;
};

const factSchema = z.strictObject({told: z.int().min(0), due: z.string().nullable()});
type Fact = z.infer<typeof factSchema>;

const FACT = 'reload';

/** Between reasons: one that is due already is not said twice. */
const NEXT = '; ';

/** What was told is noted, so that it is not told again; what failed is tried again by the next call. */
export async function reload(
  options: EngineOptions,
  request: ReloadRequest,
): Promise<ReloadResult> {
  // Other commands may have the state meanwhile: calls take their time.
  const {fact, untold} = await peekAtState(options, async (state) => {
    const fact = await factOf(state);
    return {fact, untold: state && (await untoldChanges(state, fact.told))};
  });
  const result = await reloadIn({options, request}, fact, untold);
  const {outcome, through, reason} = result;
  if (through === null || outcome === 'failed' || outcome === 'unknown') return result;
  await keep(options, {told: through, due: reason});
  return result;
}

async function keep(options: EngineOptions, fact: Fact): Promise<void> {
  await withState(options, ({state}) => state.keepFact(FACT, fact), 'read');
}

/**
 * Notes that the application was started, or told in another way, after this apply; undefined for all that are on record, null for those
 * that were told before.
 */
export async function reloaded(
  options: EngineOptions,
  through: number | undefined | null,
): Promise<void> {
  const told = await peekAtState(options, async (state) => {
    if (through === null) return (await factOf(state)).told;
    return through ?? state?.undos.lastUpTo();
  });
  if (told !== undefined) await keep(options, {told, due: null});
}

async function factOf(state: State | undefined): Promise<Fact> {
  const parsed = factSchema.safeParse(await state?.fact(FACT));
  return parsed.success ? parsed.data : {told: 0, due: null};
}

type Reloading = {
  readonly options: EngineOptions;
  readonly request: ReloadRequest;
};

async function reloadIn(
  {options, request}: Reloading,
  {due}: Fact,
  untold: Untold | undefined,
): Promise<ReloadResult> {
  if (untold === undefined) {
    const outcome = due === null ? 'unneeded' : 'restart';
    return {through: null, outcome, tables: [], calls: {}, reason: due};
  }
  const {through, changes, lost} = untold;
  const tables = [...new Set(changes.map(({table}) => table))].sort();
  const about = {through, tables, calls: {}, reason: null};
  const prepared = await prepare(options, untold);
  if (prepared === undefined) return {...about, outcome: 'unknown'};
  const {notice, knows} = prepared;
  const reasons = new Set([
    ...(due?.split(NEXT) ?? []),
    ...(lost === undefined ? [] : [lost]),
    ...notice.restart,
  ]);
  const reason = reasons.size === 0 ? null : [...reasons].join(NEXT);
  if (reason !== null && request.mayRestart) return {...about, outcome: 'restart', reason};
  if (notice.calls === 0)
    return {...about, outcome: reason === null ? 'unneeded' : 'restart', reason};
  if (!request.isTelling) return untoldResult(about, notice, 'nobody tells it');
  const url = request.url ?? knows.url(options.env);
  const signal = options.signal ?? new AbortController().signal;
  const told = await tellOnceThere(notice, {...request, url, signal});
  return resultOf(about, notice, {told, reason, isRunning: request.isRunning});
}

type Prepared = {readonly knows: Reload; readonly notice: Notice};

/** Where no record says any more of which application they are, the database does. */
async function prepare(
  options: EngineOptions,
  {application, changes}: Untold,
): Promise<Prepared | undefined> {
  return withDatabase(options, options.database, (database) =>
    database.view(async (view) => {
      const named = application == null ? undefined : applicationNamed(application);
      const profile = application === undefined ? recognise(await view.schema()) : named;
      const knows = profile?.reload;
      return knows && {knows, notice: await knows.prepare(changes, view)};
    }),
  );
}

/** One that runs may be on its way to listen. */
async function tellOnceThere(
  notice: Notice,
  to: TellOptions & Pick<ReloadRequest, 'isRunning'>,
): Promise<Told> {
  const endMs = performance.now() + RELOAD_LISTEN_MS;
  for (;;) {
    const told = await notice.tell(to);
    if (told.outcome !== 'absent' || !to.isRunning || performance.now() > endMs) return told;
    await pause(RELOAD_LISTEN_POLL_MS, undefined, {signal: to.signal});
  }
}

type About = Omit<ReloadResult, 'outcome'>;

type Came = {
  readonly told: Told;
  readonly reason: string | null;
  readonly isRunning: boolean;
};

function resultOf(about: About, notice: Notice, {told, reason, isRunning}: Came): ReloadResult {
  const {outcome, calls} = told;
  if (outcome === 'absent' && isRunning)
    return untoldResult(about, notice, 'it runs, and nothing listens where it should');
  if (outcome === 'absent') return {...about, outcome}; // it reads everything when it starts
  if (outcome === 'failed')
    return untoldResult({...about, calls}, notice, told.reason ?? 'it could not be told');
  return {...about, calls, outcome: reason === null ? 'told' : 'restart', reason};
}

/** What is only shown for a while as it was is no reason to do anything else. */
function untoldResult(about: About, {isNeeded}: Notice, reason: string): ReloadResult {
  return isNeeded ? {...about, outcome: 'failed', reason} : {...about, outcome: 'unneeded'};
}
