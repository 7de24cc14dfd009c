/** Options of the service, beside those that most commands share. */
import type {Command} from 'commander';
import {settingOf, type Config} from '../config/settings.ts';
import {valueOfFile} from '../config/variables.ts';

export type ServiceFlags = {
  readonly role?: string;
  readonly interval?: string;
  readonly staleAfter?: string;
  readonly stopTimeout?: string;
  readonly http?: string;
  readonly tokenFile?: string;
  readonly reload?: string;
  readonly reloadUrl?: string;
};

export function addServiceOptions(command: Command): Command {
  return command
    .option('--role <role>', 'primary or replica')
    .option('--interval <duration>', 'time between looks at the rows, or at the store')
    .option('--stale-after <duration>', 'time without a look that succeeded that counts as stale')
    .option(
      '--stop-timeout <duration>',
      'time that the application has to end before it is killed (default: 10s)',
    )
    .option('--http <address>', 'host:port that the service answers on, or off')
    .option('--token-file <file>', 'file with the bearer token that callers must show')
    .option(
      '--reload <strategies>',
      'how the application learns of it: socket,restart,command, or none',
    )
    .option('--reload-url <url>', 'where the application listens')
    .option('--max-write-lock <duration>', 'longest hold of the write lock (default: 500ms)')
    .addHelpText(
      'after',
      '\nThe service also takes ROWPLICA_ROLE, ROWPLICA_INTERVAL, ROWPLICA_DRIFT_INTERVAL, ROWPLICA_STALE_AFTER, ROWPLICA_STOP_TIMEOUT, ROWPLICA_HTTP, ROWPLICA_TOKEN,\nROWPLICA_KEEP, ROWPLICA_PRUNE_EVERY, ROWPLICA_CHECK_EVERY, ROWPLICA_DRILL_EVERY, ROWPLICA_NTFY, ROWPLICA_WEBHOOK,\nROWPLICA_RELOAD and ROWPLICA_RELOAD_URL, _USER, _PASSWORD, _COMMAND and _TIMEOUT.',
    );
}

/** @throws {EngineError} `CONFIG_INVALID` naming the flag. */
export function serviceConfig(flags: ServiceFlags): Config {
  const {role, interval, staleAfter, stopTimeout, http, tokenFile, reload, reloadUrl} = flags;
  const token = tokenFile === undefined ? tokenFile : valueOfFile(tokenFile, '--token-file');
  return {
    role: settingOf('role', '--role', role),
    interval: settingOf('interval', '--interval', interval),
    staleAfter: settingOf('staleAfter', '--stale-after', staleAfter),
    stopTimeout: settingOf('stopTimeout', '--stop-timeout', stopTimeout),
    http: settingOf('http', '--http', http),
    token: settingOf('token', '--token-file', token),
    reload: {
      strategies: settingOf('reload.strategies', '--reload', reload),
      url: settingOf('reload.url', '--reload-url', reloadUrl),
    },
  };
}
