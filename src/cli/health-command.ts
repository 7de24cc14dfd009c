/** The command health: what a container's health check runs. */
import {isIPv6} from 'node:net';
import type {Command} from 'commander';
import {z} from 'zod';
import {httpText, type HttpAddress} from '../config/values.ts';
import {EngineError} from '../kernel/errors.ts';
import {HEALTH_TIMEOUT_MS} from '../kernel/http-limits.ts';
import {RUN_HTTP} from '../kernel/limits.ts';
import {EXIT_DIFFERENT, run, type CommandContext, type Outcome} from './run-command.ts';
import {configOf, type SharedFlags} from './shared-options.ts';

type HealthFlags = Pick<SharedFlags, 'config' | 'json'> & {readonly http?: string};

const answerSchema = z.object({status: z.string()});

export function addHealth(program: Command, finish: (exitCode: number) => void): void {
  program
    .command('health')
    .description('ask the service that runs here whether it is well; nothing is read or written')
    .option('--http <address>', 'host:port that the service answers on (default: as run has it)')
    .option('--config <file>', 'YAML file that the service was started with')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  rowplica health --http 127.0.0.1:8480\n\nEnvironment: ROWPLICA_HTTP, ROWPLICA_CONFIG.\nExit code: 0 while it is ok, waiting or degraded; 4 while it is stale, held, fenced or failed; 13 where nothing answers; 2 where the service was told not to.',
    )
    .action(async (flags: HealthFlags) =>
      finish(await run(flags, (context) => ask(flags, context))),
    );
}

async function ask(flags: HealthFlags, {env, signal}: CommandContext): Promise<Outcome> {
  const {http = RUN_HTTP} = configOf(flags, env);
  if (http === 'off') throw cannotAsk();
  const {isWell, status} = await answerOf(`http://${httpText(near(http))}/healthz`, signal);
  return {json: {status}, text: status, exitCode: isWell ? 0 : EXIT_DIFFERENT};
}

/** Where a service that answers on all addresses of a machine is reached from within. */
function near({host, port}: HttpAddress): HttpAddress {
  if (host === '0.0.0.0') return {host: '127.0.0.1', port};
  return {host: isIPv6(host) && /^[0:]+$/.test(host) ? '::1' : host, port};
}

async function answerOf(
  url: string,
  signal: AbortSignal,
): Promise<{readonly isWell: boolean; readonly status: string}> {
  try {
    const limit = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const response = await fetch(url, {signal: AbortSignal.any([signal, limit])});
    return {isWell: response.ok, ...answerSchema.parse(await response.json())};
  } catch (cause) {
    throw new EngineError('SERVICE_SILENT', `no service of Rowplica answers at ${url}`, {
      hint: 'Is it running, and is this the address that it was given (ROWPLICA_HTTP)? Its log says "listening".',
      retryable: true,
      cause,
    });
  }
}

function cannotAsk(): EngineError {
  return new EngineError('CONFIG_INVALID', 'http: the service is told to answer nobody (off)', {
    hint: 'Give it an address (ROWPLICA_HTTP), or watch its log and its notices.',
  });
}
