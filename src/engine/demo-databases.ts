/** Makes and edits the databases of the demo. */
import {join} from 'node:path';
import {runOnScratch} from '../database/sqlite/scratch.ts';
import {demoEdits, demoPrimary, demoReplica} from '../profiles/uptime-kuma/demo-data.ts';
import type {EngineOptions} from './options.ts';
import {withDatabase} from './open.ts';
import {makeFolder} from '../state/files.ts';

export type DemoDatabases = {
  readonly primary: string;
  readonly replica: string;
  /** Edits two rows and a link on the primary. */
  readonly edit: () => void;
  /** Heartbeats on the replica: history that must survive. */
  readonly heartbeats: (options: EngineOptions) => Promise<number>;
};

export function makeDemoDatabases(folder: string): DemoDatabases {
  const [primary, replica] = [
    join(folder, 'primary', 'kuma.db'),
    join(folder, 'replica', 'kuma.db'),
  ];
  makeFolder(join(folder, 'primary'));
  makeFolder(join(folder, 'replica'));
  runOnScratch(primary, demoPrimary);
  runOnScratch(replica, demoReplica);
  return {
    primary,
    replica,
    edit: () => runOnScratch(primary, demoEdits),
    heartbeats: (options) =>
      withDatabase(options, replica, (database) =>
        database.view((view) => view.count('heartbeat', [])),
      ),
  };
}
