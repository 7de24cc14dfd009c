/**
 * Replicator Kuma's variables, as settings of Rowplica: a container that ran that tool runs Rowplica with nothing else said. Pure.
 *
 * Only BACKUP makes a primary; whatever else a mode says, or where none is said, is a replica, as it was there. Where no variable of that
 * tool is set at all, a repository of restic and a data folder of Uptime Kuma are taken for its replica, too. That is a guess: a primary
 * is never made of it, and rows that are there on its first run are not changed.
 */
import type {TablePolicy} from '../../merge/policy.ts';
import type {InheritedSetting, Predecessor, Said, Surroundings} from '../predecessor.ts';
import {databaseOf, isDataFolder, refuseOtherDatabase} from './data-folder.ts';

const TOOL = 'Replicator Kuma';
/** Variables that only that tool has, set or empty. */
const SIGNS = ['REPLICATOR_MODE', 'RESTORE_MERGE_STRATEGY', 'SQLITE_DATABASE'] as const;
/** Its rhythms: of the leader, and of the others. */
const LEADER_MS = 300_000;
const [LEADER, FOLLOWER] = ['300s', '360s'] as const;

const MODES = {
  BACKUP: {role: 'primary', preset: undefined},
  RESTORE: {role: 'replica', preset: 'snapshot'},
  RESTORE_LOCAL_ENTITY_REPLICATION: {role: 'replica', preset: 'local-entity'},
} as const;

const STRATEGIES = {
  SNAPSHOT: 'snapshot',
  NOTIFICATIONS_INSERT_MERGE: 'notifications-insert-merge',
  DEFAULT: 'default',
} as const;

/**
 * That tool wrote references to rows that it did not bring. Where the replica lacks them they come, and what the replica has of its own
 * stays, whatever it is.
 */
const REFERRED: TablePolicy = {policy: 'merge', onConflict: 'replicaWins'};
const V2: Readonly<Record<string, TablePolicy>> = {docker_host: REFERRED};
const V1 = {...V2, proxy: REFERRED, remote_browser: REFERRED};
const REFERRED_BY: ReadonlyMap<string, typeof V2> = new Map([
  ['snapshot', V2],
  ['local-entity', V2],
  ['notifications-insert-merge', V1],
  ['default', V1],
]);

/** These put local edits back in each of their cycles. */
const EACH_CYCLE: readonly string[] = ['notifications-insert-merge', 'default'];

export const replicatorKuma: Predecessor = (surroundings) => {
  const {env, own, files} = surroundings;
  const isSaid = SIGNS.some((name) => env[name] !== undefined);
  if (!isSaid && !isLike(surroundings)) return undefined;
  const warnings: string[] = [];
  const database = own.database === undefined ? databaseOf(env, files) : undefined;
  if (database !== undefined) refuseOtherDatabase(database.path, env, files);
  const {NTFY_URL: ntfy} = env;
  const ofRole = roleSettings(surroundings, (warning) => warnings.push(warning));
  const preset = own.preset ?? ofRole.find(({name}) => name === 'preset')?.value;
  return {
    tool: TOOL,
    policies: (typeof preset === 'string' && REFERRED_BY.get(preset)) || {},
    settings: [
      ...(database
        ? [{name: 'database', value: database.path, source: database.source} as const]
        : []),
      ...ofRole,
      ...(ntfy ? [setting('ntfy', ntfy, 'NTFY_URL')] : []),
    ],
    warnings,
    isGuess: !isSaid,
    writesEveryMs: LEADER_MS,
    words,
  };
};

/** Its replica needs no variable but restic's; what names a database, a store or a role of Rowplica's own is none. */
function isLike({env, own, files}: Surroundings): boolean {
  const isOurs = [own.database, own.store, own.role].some((value) => value !== undefined);
  if (isOurs || !(env['RESTIC_REPOSITORY'] || env['RESTIC_REPOSITORY_FILE'])) return false;
  return isDataFolder(databaseOf(env, files).path, files);
}

function roleSettings(
  {env, own}: Surroundings,
  warn: (warning: string) => void,
): readonly InheritedSetting[] {
  const {mode, source} = modeOf(env, own.role === undefined ? warn : () => {});
  const role = own.role ?? mode.role;
  const roles = own.role === undefined ? [{name: 'role', value: mode.role, source} as const] : [];
  if (role === 'primary') {
    if (env['RESTORE_MERGE_STRATEGY']) warn('RESTORE_MERGE_STRATEGY says nothing to a primary.');
    return [...roles, {name: 'interval', value: LEADER, source}];
  }
  const interval = {name: 'interval', value: FOLLOWER, source} as const;
  // Tables that are named are chosen by hand.
  if (own.tables !== undefined) return [...roles, interval];
  return [...roles, interval, ...presetOf(env, {preset: mode.preset ?? 'snapshot', source}, warn)];
}

type Mode = (typeof MODES)[keyof typeof MODES];

/** Anything but its three modes was RESTORE. */
function modeOf(
  env: NodeJS.ProcessEnv,
  warn: (warning: string) => void,
): {readonly mode: Mode; readonly source: string} {
  const said = env['REPLICATOR_MODE'];
  const known = Object.entries(MODES).find(([name]) => name === said);
  if (known !== undefined) return {mode: known[1], source: 'environment REPLICATOR_MODE'};
  const why = said
    ? 'REPLICATOR_MODE is neither BACKUP, RESTORE nor RESTORE_LOCAL_ENTITY_REPLICATION'
    : 'REPLICATOR_MODE is not set';
  warn(
    `${why}: this is a replica, as it was with ${TOOL}; say REPLICATOR_MODE=RESTORE if that is meant.`,
  );
  return {mode: MODES.RESTORE, source: why};
}

/** A strategy counts again, though the tool ignored it in its last two years; a mode of later versions counts for more. */
function presetOf(
  env: NodeJS.ProcessEnv,
  ofMode: {readonly preset: string; readonly source: string},
  warn: (warning: string) => void,
): readonly InheritedSetting[] {
  const said = env['RESTORE_MERGE_STRATEGY'];
  const byMode = [{name: 'preset', value: ofMode.preset, source: ofMode.source} as const];
  if (!said) return byMode;
  const known = Object.entries(STRATEGIES).find(([name]) => name === said)?.[1];
  if (known === undefined || ofMode.preset !== 'snapshot') {
    const why = known === undefined ? 'is none that is known' : 'gives way to REPLICATOR_MODE';
    warn(`RESTORE_MERGE_STRATEGY ${why}: preset ${ofMode.preset} is in effect.`);
    return byMode;
  }
  warn(
    `RESTORE_MERGE_STRATEGY: preset ${known} is in effect, though ${TOOL} itself has ignored this variable since August 2024; unset it for what that did since.`,
  );
  const name = 'RESTORE_MERGE_STRATEGY';
  const eachCycle = EACH_CYCLE.includes(known) ? [setting('driftInterval', FOLLOWER, name)] : [];
  return [setting('preset', known, name), ...eachCycle];
}

function setting(
  name: InheritedSetting['name'],
  value: string,
  variable: string,
): InheritedSetting {
  return {name, value, source: `environment ${variable}`};
}

/** The texts of that tool, word for word, for what it told; what it did not is said in ours. */
function words({event, role, status, reason, host, at}: Said): string {
  const time = `Time: ${dateText(new Date(at))}`;
  if (event === 'captured') return `[${host}] ${TOOL} Backup Successful. ${time}`;
  if (event === 'applied') return `[${host}] ${TOOL} Restored Successfully. ${time}`;
  return `[${host}] Rowplica ${role}: ${status}. ${reason}. ${time}`;
}

/** As date(1) prints it in a container: `Sun Nov  1 07:05:00 UTC 2026`. */
function dateText(date: Date): string {
  const [day = '', month = '', , year = '', clock = ''] = date.toString().split(' ');
  const zone = new Intl.DateTimeFormat('en-US', {timeZoneName: 'short'})
    .formatToParts(date)
    .find(({type}) => type === 'timeZoneName')?.value;
  return `${day} ${month} ${String(date.getDate()).padStart(2)} ${clock} ${zone} ${year}`;
}

const PORT = 3001;

/** The port that the server listens on, as it tells it by its own variables. */
export function applicationPort(env: NodeJS.ProcessEnv): number {
  const said = Number(env['UPTIME_KUMA_PORT'] || env['PORT'] || PORT);
  return Number.isInteger(said) && said > 0 && said <= 65_535 ? said : PORT;
}
