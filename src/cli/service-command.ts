/** The service on the command line. */
import type {Command} from 'commander';
import {serviceSettings} from '../config/service-settings.ts';
import {noProgress} from '../kernel/log.ts';
import {runService} from '../service/run-service.ts';
import {run} from './run-command.ts';
import {addServiceOptions, type ServiceFlags} from './service-options.ts';
import {addSharedOptions, configOf, engineOptions, type SharedFlags} from './shared-options.ts';

export function addRun(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('run')
    .description('keep this database a primary or a replica, until it is told to stop');
  addServiceOptions(
    addSharedOptions(
      command,
      'rowplica run --role replica --database kuma.db --store restic:sftp:backup@host:/srv/kuma',
    ),
  ).action(async (flags: SharedFlags & ServiceFlags) => {
    finish(
      await run({...flags, logLevel: 'info'}, async (context) => {
        const engine = {...engineOptions(flags, context), progress: noProgress};
        const settings = serviceSettings(configOf(flags, context.env), context.env);
        await runService({
          settings,
          engine: {...engine, signal: undefined}, // each call gets it from the service
          signal: context.signal,
          // Other commands are spared what it takes to load it.
          serve: async (serving) => (await import('../http/start.ts')).startHttp(serving),
          onStarted: (trigger) => void process.on('SIGUSR1', trigger),
        });
        const {role} = settings;
        return {json: {stopped: true, role}, text: `stopped (${role})`, exitCode: 0};
      }),
    );
  });
}
