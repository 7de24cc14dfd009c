/** Whether anything takes connections at an address. */
import {connect} from 'node:net';

export type ConnectOptions = {readonly timeoutMs: number; readonly signal: AbortSignal};

/** The code of the error that it ends with, such as `ECONNREFUSED`; undefined where it is taken, or nobody answers in time. */
export async function connectionFault(
  url: string,
  {timeoutMs, signal}: ConnectOptions,
): Promise<string | undefined> {
  const {hostname, port, protocol} = new URL(url);
  const standard = protocol === 'https:' ? 443 : 80;
  const socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || standard),
    signal,
    timeout: timeoutMs,
  });
  return new Promise((done) => {
    const end = (fault?: string): void => {
      socket.destroy();
      done(fault);
    };
    socket.on('connect', () => end());
    socket.on('timeout', () => end());
    socket.on('error', ({code = 'UNKNOWN'}: NodeJS.ErrnoException) => end(code));
  });
}
