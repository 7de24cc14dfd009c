/** Makes the calls of a plan, each as the user who may. */
import {setTimeout as pause} from 'node:timers/promises';
import {RELOAD_LOGIN_PAUSE_MS, RELOAD_TIMEOUTS_MAX} from '../../../kernel/limits.ts';
import type {TellOptions, Told} from '../../profile.ts';
import type {Call} from './plan.ts';
import {isListening, openSession, type Answer, type Session} from './session.ts';
import {mintToken} from './token.ts';

/** Who can be logged in. */
export type Accounts = {
  /** `jwtSecret` of the settings; undefined where there is none. */
  readonly secret: string | undefined;
  /** The first one is who is in where no login is needed. */
  readonly users: readonly Account[];
};

export type Account = {
  readonly id: number;
  readonly username: string;
  readonly password: string;
  readonly active: boolean;
};

export async function tellCalls(
  calls: readonly Call[],
  accounts: Accounts,
  to: TellOptions,
): Promise<Told> {
  if (!(await isListening(to.url, to))) {
    to.signal.throwIfAborted();
    return {outcome: 'absent', calls: {}};
  }
  const anybody = calls.find(({user}) => user !== undefined)?.user ?? anyUser(accounts, to);
  const counts: Record<string, number> = {};
  const faults: string[] = [];
  const endMs = performance.now() + RELOAD_TIMEOUTS_MAX * to.timeoutMs;
  for (const [user, some] of Map.groupBy(calls, (call) => call.user ?? anybody)) {
    const {faults: more, isOver} = await tellAs(user, some, {accounts, to, counts, endMs});
    faults.push(...more);
    if (isOver) break;
  }
  const [reason] = faults;
  return {outcome: reason === undefined ? 'told' : 'failed', calls: counts, reason};
}

/** Whose rows they are does not matter. */
function anyUser({users}: Accounts, {user}: TellOptions): number | undefined {
  const fits = ({active, username}: Account): boolean =>
    active && (user === undefined || username === user);
  return users.find(fits)?.id;
}

type Telling = {
  readonly accounts: Accounts;
  readonly to: TellOptions;
  readonly counts: Record<string, number>;
  /** When no further call is made. */
  readonly endMs: number;
};

/** What went wrong; over where no further call would be answered, or in time. */
type Made = {readonly faults: readonly string[]; readonly isOver: boolean};

const over = (...faults: readonly string[]): Made => ({faults, isOver: true});

async function tellAs(
  user: number | undefined,
  calls: readonly Call[],
  {accounts, to, counts, endMs}: Telling,
): Promise<Made> {
  const session = await openSession(to.url, to);
  if (session === undefined) return over('it takes no connection over its socket');
  try {
    const refusal = await logIn(session, user, {accounts, to});
    if (refusal !== undefined) return {faults: [refusal], isOver: refusal === NO_LOGIN};
    const faults: string[] = [];
    for (const call of calls) {
      if (performance.now() > endMs) return over(...faults, 'all calls together took too long');
      const {made, answer} = await make(session, call);
      if (answer === 'ok') counts[made] = (counts[made] ?? 0) + 1;
      else faults.push(`${made} was ${answer === 'unanswered' ? 'not answered' : 'refused'}`);
      if (answer === 'unanswered') return over(...faults); // nor would the others be
    }
    return {faults, isOver: false};
  } finally {
    session.close();
  }
}

async function make(
  session: Session,
  {event, args, otherwise}: Call,
): Promise<{readonly made: string; readonly answer: Answer}> {
  const answer = await session.call(event, args);
  if (answer !== 'refused' || otherwise === undefined) return {made: event, answer};
  return {made: otherwise, answer: await session.call(otherwise, args)};
}

/** Undefined once it is logged in. */
async function logIn(
  session: Session,
  id: number | undefined,
  {accounts, to}: Pick<Telling, 'accounts' | 'to'>,
): Promise<string | undefined> {
  const account = accounts.users.find((user) => user.id === id);
  if (account?.active !== true) return 'the user to log in as is not there, or not active';
  if (session.isOpen && account.id === accounts.users[0]?.id) return undefined;
  const {username, password} = account;
  if (to.user !== undefined) {
    if (username !== to.user)
      return 'some rows belong to another user than the one that is configured';
    return loginFault(await patiently(session, {username, password: to.password, token: ''}, to));
  }
  const {secret} = accounts;
  if (secret === undefined) return 'the database holds no secret to make a token with';
  const now = Math.floor(Date.now() / 1000);
  return loginFault(
    await session.call('loginByToken', [mintToken({username, password, secret, now})]),
  );
}

/** A few logins a minute are let through: one more try is worth it. */
async function patiently(session: Session, login: object, {signal}: TellOptions): Promise<Answer> {
  const answer = await session.call('login', [login]);
  if (answer !== 'limited') return answer;
  const ended = (): void => {}; // then the call throws
  await pause(RELOAD_LOGIN_PAUSE_MS, undefined, {signal}).catch(ended);
  return session.call('login', [login]);
}

const NO_LOGIN = 'the login was not answered';

function loginFault(answer: Answer): string | undefined {
  switch (answer) {
    case 'ok':
      return undefined;
    case 'limited':
      return 'there were too many logins in this minute';
    case 'secondFactor':
      return 'the user that is configured needs a second factor, which is not supported';
    case 'unanswered':
      return NO_LOGIN;
    case 'refused':
      return 'the login was refused';
  }
}
