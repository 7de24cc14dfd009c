/** The HTTP side of a service: it answers who asks, and never stands in the way of replication. */
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import {fastify, type FastifyInstance} from 'fastify';
import {httpText, type HttpAddress} from '../config/values.ts';
import {EngineError} from '../kernel/errors.ts';
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADER_BYTES_MAX,
  HTTP_HEADERS_MS,
  HTTP_IDLE_MS,
  HTTP_REQUEST_MS,
  HTTP_SILENT_MS,
  HTTP_STOP_MS,
  HTTP_WATCH_MS,
} from '../kernel/http-limits.ts';
import type {ServeOptions, Serving} from '../service/source.ts';
import {errorHandler, refuseConnection} from './errors.ts';
import {addGuards, notFound} from './guards.ts';
import {LoopDelay} from './loop-delay.ts';
import {RateStore} from './rate-store.ts';
import {addRoutes} from './routes.ts';
import {DOCUMENT} from './schemas.ts';

/** @throws {EngineError} `CONFIG_INVALID` where the address cannot be had. */
export async function startHttp(options: ServeOptions): Promise<Serving> {
  const {at, log} = options;
  const delay = new LoopDelay();
  const app = await build(options, delay);
  try {
    await app.listen({host: at.host, port: at.port});
  } catch (error) {
    delay.stop();
    throw cannotListen(at, error);
  }
  // From here on, nothing that happens to the server is a reason to stop replicating.
  app.server.on('error', ({name}) => log.warn('the HTTP server has a problem', {name}));
  return {
    address: httpText({host: at.host, port: (app.server.address() as AddressInfo).port}),
    close: () => close(app, delay),
  };
}

async function build(options: ServeOptions, delay: LoopDelay): Promise<FastifyInstance> {
  const app = fastify({
    serverFactory: makeServer,
    bodyLimit: HTTP_BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    logger: false,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error, request, reply) =>
      void errorHandler(options.log)(error, request, reply),
  });
  await app.register(rateLimit, {global: false, store: RateStore});
  await app.register(swagger, DOCUMENT);
  addGuards(app, options);
  app.setErrorHandler(errorHandler(options.log));
  app.setNotFoundHandler(notFound);
  ignoreBodies(app);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  addRoutes(app, options.source, delay);
  return app;
}

function makeServer(handler: Parameters<typeof createServer>[1]): Server {
  const server = createServer(
    {
      maxHeaderSize: HTTP_HEADER_BYTES_MAX,
      headersTimeout: HTTP_HEADERS_MS,
      requestTimeout: HTTP_REQUEST_MS,
      connectionsCheckingInterval: HTTP_WATCH_MS,
      keepAliveTimeout: HTTP_IDLE_MS,
    },
    handler,
  );
  server.setTimeout(HTTP_SILENT_MS);
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  return server;
}

/** No route reads a body; whatever comes, up to the limit, is not even parsed. */
function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, _body, done) => done(null));
}

async function close(app: FastifyInstance, delay: LoopDelay): Promise<void> {
  delay.stop();
  const cut = setTimeout(() => app.server.closeAllConnections(), HTTP_STOP_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

function cannotListen(at: HttpAddress, cause: unknown): EngineError {
  const {code = 'unknown'} = cause as NodeJS.ErrnoException;
  return new EngineError(
    'CONFIG_INVALID',
    `http: cannot listen on ${httpText(at)}: ${WHY[code] ?? code}`,
    {hint: 'Give another host:port with --http or ROWPLICA_HTTP, or off.', cause},
  );
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'that name is not known',
  EAI_AGAIN: 'that name cannot be looked up',
};
