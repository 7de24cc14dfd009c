/** Options of calls that are handed what they read: they name no database and no store. */
import {noProgress, silentLog, type EngineOptions} from '../../src/index.ts';

export const bareOptions: EngineOptions = {
  database: '',
  store: undefined,
  tables: undefined,
  env: {},
  log: silentLog,
  progress: noProgress,
};
