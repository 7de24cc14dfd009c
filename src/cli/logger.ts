/** Logs go to stderr as JSON lines; stdout belongs to results. */
import {pino} from 'pino';
import type {Log} from '../kernel/log.ts';

/** Level from ROWPLICA_LOG (debug, info, warn); by default what is given here. Fields are names and counts, never cell values. */
export function createLog(env: NodeJS.ProcessEnv, usual: 'info' | 'warn' = 'warn'): Log {
  const wanted = env['ROWPLICA_LOG'] ?? '';
  const level = ['debug', 'info', 'warn'].includes(wanted) ? wanted : usual;
  const logger = pino({level, base: null}, pino.destination({fd: 2, sync: true}));
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
  };
}
