/** The service on the command line. */
import type {Command} from 'commander';
import {serviceSettings} from '../config/service-settings.ts';
import {EngineError} from '../kernel/errors.ts';
import {noProgress} from '../kernel/log.ts';
import {exitCodeOf} from '../service/application/process-group.ts';
import {runService} from '../service/run-service.ts';
import {run} from './run-command.ts';
import {addServiceOptions, type ServiceFlags} from './service-options.ts';
import {addSharedOptions, configOf, engineOptionsOf, type SharedFlags} from './shared-options.ts';

/** @param application What stood after `--`: an application to start, and its arguments. */
export function addRun(
  program: Command,
  finish: (exitCode: number) => void,
  application: readonly string[] | undefined,
): void {
  const command = program
    .command('run')
    .usage('[options] [-- command arguments...]')
    .description(
      'keep this database a primary or a replica, until it is told to stop; with a command after --, start that application and keep it running, too',
    );
  addServiceOptions(
    addSharedOptions(
      command,
      'rowplica run --role replica --database kuma.db --store restic:sftp:backup@host:/srv/kuma\n  rowplica run --role replica --database kuma.db --store restic:sftp:backup@host:/srv/kuma -- node server/server.js',
    ),
  ).action(async (flags: SharedFlags & ServiceFlags) => {
    if (application?.length === 0) throw nothingToStart();
    const hasApplication = application !== undefined;
    finish(
      await run({...flags, logLevel: 'info', hasApplication}, async (context) => {
        const config = configOf(flags, context.env);
        const engine = {...engineOptionsOf(config, context), progress: noProgress};
        const settings = serviceSettings(config, context.env);
        const exit = await runService({
          settings,
          command: application,
          engine: {...engine, signal: undefined}, // each call gets it from the service
          signal: context.signal,
          // Other commands are spared what it takes to load it.
          serve: async (serving) => (await import('../http/start.ts')).startHttp(serving),
          onStarted: (trigger) => void process.on('SIGUSR1', trigger),
        });
        const {role} = settings;
        const exitCode = exit === undefined ? 0 : exitCodeOf(exit);
        const json = {stopped: true, role, application: exit ?? null};
        return {json, text: `stopped (${role})`, exitCode};
      }),
    );
  });
}

function nothingToStart(): EngineError {
  return new EngineError('USAGE', 'there is no command after --', {
    hint: 'Give the program to start and its arguments after it, or leave it out.',
  });
}
