/** What Replicator Kuma's modes and strategies did, as policies: the same tables, and the same fate of local edits. */
import type {TablePolicy} from '../../merge/policy.ts';
import type {Preset} from '../profile.ts';

const FIRST = [
  'group',
  'incident',
  'maintenance',
  'maintenance_status_page',
  'monitor',
  'monitor_group',
  'monitor_maintenance',
  'monitor_tag',
  'status_page',
  'tag',
];
const NOTIFICATIONS = ['monitor_notification', 'notification'];
const LATER = ['api_key', 'proxy', 'remote_browser', 'user'];
const ALL = [...FIRST, ...NOTIFICATIONS, ...LATER];

/** Each cycle restores what differs from the snapshot. */
const EVERY_CYCLE: TablePolicy = {policy: 'mirror', drift: 'repair'};
/** A restore is for new snapshots; local edits live until then. */
const WHEN_NEW: TablePolicy = {policy: 'mirror', drift: 'report'};
/** Rows come and go with the primary, and are never updated. */
const LOCAL_ENTITY: TablePolicy = {policy: 'seed', drift: 'report'};

export const presets: Readonly<Record<string, Preset>> = {
  default: all(FIRST, EVERY_CYCLE),
  'notifications-insert-merge': all([...FIRST, ...NOTIFICATIONS], EVERY_CYCLE),
  snapshot: all(ALL, WHEN_NEW),
  'local-entity': {
    tables: {
      ...all(ALL, WHEN_NEW).tables,
      proxy: LOCAL_ENTITY,
      remote_browser: LOCAL_ENTITY,
    },
  },
};

function all(tables: readonly string[], policy: TablePolicy): Preset {
  return {tables: Object.fromEntries(tables.map((table) => [table, policy]))};
}
