/** Who may ask what, and how often. */
import {createHash, timingSafeEqual} from 'node:crypto';
import {isIPv6} from 'node:net';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';
import {isReachable} from '../config/service-settings.ts';
import type {HttpAddress} from '../config/values.ts';
import {HTTP_COSTLY_REQUESTS_MAX, HTTP_REQUESTS_MAX} from '../kernel/http-limits.ts';
import {HttpError, SEE} from './errors.ts';

/** `probe`: one word, for everybody. `read`: without a token on this machine only. `change`: never without one. */
export type Access = 'probe' | 'read' | 'change';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** Asks the store, reads much, or has a cycle run. */
    isCostly?: boolean;
  }
}

export type GuardOptions = {readonly at: HttpAddress; readonly token: string | undefined};

/** In front of all routes, known and unknown. Needs the plug-in that counts requests. */
export function addGuards(app: FastifyInstance, {at, token}: GuardOptions): void {
  const isOpen = isReachable(at);
  const refuseHost = hostGuard(at);
  const refuseToken = tokenGuard(token);
  const refuseMany = rateGuard(app);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({'cache-control': 'no-store', 'x-content-type-options': 'nosniff'});
    const {access = 'read'} = request.routeOptions.config;
    if (!isOpen) refuseHost(request);
    if (access === 'probe') return; // whoever floods the rest does not make the service look dead
    await refuseMany(request, reply);
    if (isOpen || access === 'change') refuseToken(request, reply);
  });
}

/**
 * A web page may have a browser ask this machine under a name of its own (DNS rebinding), but cannot choose the Host that is sent
 * then. Elsewhere the token keeps such pages out.
 */
function hostGuard({host}: HttpAddress): (request: FastifyRequest) => void {
  const own = isIPv6(host) ? `[${host}]` : host;
  const names = new Set(['localhost', '127.0.0.1', '[::1]', own.toLowerCase()]);
  return ({headers}) => {
    const name = (headers.host ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
    if (names.has(name)) return;
    throw new HttpError(
      'HOST_REFUSED',
      'the Host of the request is not this machine',
      'Ask for localhost, 127.0.0.1 or [::1].',
    );
  };
}

/** Takes the same time for every wrong token, as digests of equal length are compared. */
function tokenGuard(token: string | undefined): (r: FastifyRequest, reply: FastifyReply) => void {
  const wanted = token === undefined ? undefined : digestOf(token);
  return ({headers}, reply) => {
    const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(headers.authorization ?? '')?.[1];
    const isRight =
      wanted !== undefined && given !== undefined && timingSafeEqual(wanted, digestOf(given));
    if (isRight) return;
    reply.header('www-authenticate', 'Bearer realm="rowplica"');
    if (wanted === undefined)
      throw new HttpError(
        'UNAUTHORIZED',
        'this needs a token, and the service has none',
        'Set ROWPLICA_TOKEN_FILE, and start the service again.',
      );
    throw new HttpError(
      'UNAUTHORIZED',
      given === undefined ? 'this needs a token' : 'this is not the right token',
      'Send the header Authorization: Bearer, and the token after it.',
    );
  };
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Counts requests before tokens are looked at: guessing is no quicker than that. */
function rateGuard(
  app: FastifyInstance,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const perMinute = (max: number): ReturnType<typeof app.createRateLimit> =>
    app.createRateLimit({max, timeWindow: 60_000});
  const all = perMinute(HTTP_REQUESTS_MAX);
  const costly = perMinute(HTTP_COSTLY_REQUESTS_MAX);
  return async (request, reply) => {
    const limits = request.routeOptions.config.isCostly === true ? [all, costly] : [all];
    for (const limit of limits) {
      const found = await limit(request);
      if (found.isAllowed || !found.isExceeded) continue;
      reply.header('retry-after', found.ttlInSeconds);
      throw new HttpError('TOO_MANY_REQUESTS', 'there are too many requests', SEE_LATER);
    }
  };
}

const SEE_LATER = 'Try again after the seconds that the header Retry-After gives.';

export function notFound(): never {
  throw new HttpError('ROUTE_UNKNOWN', 'there is no such route, or not with this method', SEE);
}
