/** Which rows of `setting` may travel. The others are the server's own: secrets, versions, caches, where it runs. */
import type {ProfileTable} from '../profile.ts';

/** Keys that sign browser notifications: one is worthless without the other. */
const VAPID = ['webpushPublicVapidKey', 'webpushPrivateVapidKey'] as const;

/** Off by default; `setting: mirror` in the configuration lets these travel. */
const TRAVEL = [
  'apiKeysEnabled',
  'domainExpiryNotifyDays',
  'globalpingApiToken',
  'keepDataPeriodDays',
  'searchEngineIndex',
  'steamAPIKey',
  'tlsExpiryNotifyDays',
  ...VAPID,
];

/** Never, whatever is configured. */
const NEVER = [
  'cloudflaredTunnelToken',
  'database_version',
  'databasePatchedFiles',
  'initServerTimezone',
  'jwtSecret',
  'migrateAggregateTableState',
  'rdapDnsData',
];

/** Ids are given by each server as it comes to write a setting. */
export const setting: ProfileTable = {
  table: 'setting',
  key: ['key'],
  defaults: {policy: 'off', where: [{column: 'key', in: TRAVEL}]},
  rows: {column: 'key', never: NEVER, together: [VAPID]},
};
