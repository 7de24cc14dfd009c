/** The command config: what is in effect, and where it was said. */
import type {Command} from 'commander';
import {effectiveConfig} from '../config/effective.ts';
import {configText} from './print/config.ts';
import {run} from './run-command.ts';
import {addServiceOptions, type ServiceFlags} from './service-options.ts';
import {addSharedOptions, configOf, type SharedFlags} from './shared-options.ts';

export function addConfig(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('config')
    .description('the settings in effect, each with where it was said; secrets are masked');
  addSharedOptions(command, 'rowplica config --config rowplica.yaml --role replica --interval 30s');
  addServiceOptions(command).action(async (flags: SharedFlags & ServiceFlags) => {
    finish(
      await run(flags, async ({env}) => {
        const result = effectiveConfig(configOf(flags, env), env);
        return {json: result, text: configText(result), exitCode: 0};
      }),
    );
  });
}
