/** Listens as a receiver of notices does, and keeps what it is sent. */
import {createServer, type IncomingHttpHeaders, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';

export type Heard = {readonly headers: IncomingHttpHeaders; readonly body: string};

const servers = new Set<Server>();

/** Ends those of the test that is over. */
export function closeListeners(): void {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers.clear();
}

export async function listen(): Promise<{readonly heard: Heard[]; readonly url: string}> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      heard.push({headers: request.headers, body});
      response.end();
    });
  });
  servers.add(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/topic`};
}
