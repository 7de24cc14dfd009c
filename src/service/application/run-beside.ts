/** The application and the service beside each other, until either is over. */
import type {Log} from '../../kernel/log.ts';
import type {Service} from '../service.ts';
import type {Exit} from './process-group.ts';
import type {Supervisor} from './supervisor.ts';

export type BesideOptions = {
  readonly supervisor: Supervisor;
  readonly service: Service;
  readonly log: Log;
};

/**
 * Where the application ends for good, the service does too. A fault of the service is no reason to end the application: it is told at
 * once, and thrown at the end; until then the status grows stale.
 *
 * @throws {EngineError} `COMMAND_NOT_FOUND`, `COMMAND_UNUSABLE` where the application cannot be started.
 */
export async function runBeside(
  {supervisor, service, log}: BesideOptions,
  signal: AbortSignal,
): Promise<Exit> {
  const restore = passSignals(supervisor);
  try {
    await supervisor.start().catch(async (error: unknown) => {
      await service.run(AbortSignal.abort()); // closes what it holds
      throw error;
    });
    const over = new AbortController();
    const [application, replication] = await Promise.allSettled([
      supervisor.run(signal).finally(() => over.abort()),
      service.run(AbortSignal.any([signal, over.signal])).catch((error: unknown) => {
        log.warn('replication has ended by a fault of Rowplica; the application goes on');
        throw error;
      }),
    ]);
    if (replication.status === 'rejected') throw replication.reason;
    if (application.status === 'rejected') throw application.reason;
    return application.value;
  } finally {
    restore();
  }
}

/** Both end the service, too. */
const ENDING = ['SIGTERM', 'SIGINT'] as const;
/** SIGUSR1 is Rowplica's own. */
const PASSED = ['SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'] as const;

/** Gives what undoes it. */
function passSignals(supervisor: Supervisor): () => void {
  const end = (signal: NodeJS.Signals): void => supervisor.stop(signal);
  const pass = (signal: NodeJS.Signals): void => supervisor.pass(signal);
  // Before those who make an abort of it, which does not say which signal it was.
  for (const signal of ENDING) process.prependListener(signal, end);
  for (const signal of PASSED) process.on(signal, pass);
  return () => {
    for (const signal of ENDING) process.off(signal, end);
    for (const signal of PASSED) process.off(signal, pass);
  };
}
