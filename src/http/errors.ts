/** What is refused over HTTP, and how: a status, and a body that says why and what to do. Never a value, never a token. */
import type {Socket} from 'node:net';
import {STATUS_CODES} from 'node:http';
import type {FastifyReply, FastifyRequest} from 'fastify';
import {EngineError, EXIT_CODES, type ErrorCode} from '../kernel/errors.ts';
import type {Log} from '../kernel/log.ts';

/** Codes of refusals that no engine call gives. A contract, as those of the engine are. */
type HttpCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'ROUTE_UNKNOWN'
  | 'REQUEST_TIMEOUT'
  | 'BODY_TOO_LARGE'
  | 'HOST_REFUSED'
  | 'TOO_MANY_REQUESTS'
  | 'HEADERS_TOO_LARGE';

export type ErrorBody = {
  readonly error: {
    readonly code: HttpCode | ErrorCode;
    readonly message: string;
    readonly hint: string | null;
    /** The same request may succeed later, unchanged. */
    readonly retryable: boolean;
  };
};

export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: HttpCode;
  readonly hint: string;

  constructor(code: HttpCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
    this.hint = hint;
  }
}

const STATUS: Readonly<Record<HttpCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  ROUTE_UNKNOWN: 404,
  REQUEST_TIMEOUT: 408,
  BODY_TOO_LARGE: 413,
  HOST_REFUSED: 421,
  TOO_MANY_REQUESTS: 429,
  HEADERS_TOO_LARGE: 431,
};

type Answer = {readonly status: number; readonly body: ErrorBody};

/** Answers whatever a route or the server threw. */
export function errorHandler(
  log: Log,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async (error, _, reply) => {
    const {status, body} = answerTo(error);
    const name = error instanceof Error ? error.name : typeof error;
    if (status === 500) log.warn('a request failed', {code: body.error.code, name});
    return reply.code(status).send(body);
  };
}

function answerTo(error: unknown): Answer {
  if (error instanceof HttpError) return answer(error.status, error);
  if (error instanceof EngineError) return answer(statusOf(error.code), error);
  const status = statusIn(error);
  if (status === 413) return refusal('BODY_TOO_LARGE', 'the body of the request is too large');
  if (status !== undefined && status < 500)
    return refusal('BAD_REQUEST', `the request is not understood: ${reasonIn(error)}`);
  return answer(500, {
    code: 'UNEXPECTED',
    message: 'something unexpected went wrong; this is a fault of Rowplica',
    hint: 'Please report it.',
  });
}

/** What the server itself refused says so by a status. */
function statusIn(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** Only what names the parameter and its rule: anything else may quote the request. */
function reasonIn(error: unknown): string {
  return error instanceof Error && 'validation' in error ? error.message : 'it is malformed';
}

/** A failure of the engine, as a gateway would tell it: nearly all of them are those of the store or the database behind it. */
function statusOf(code: ErrorCode): number {
  switch (EXIT_CODES[code]) {
    case 10:
      return 404;
    case 11:
      return 423;
    case 12:
    case 13:
    case 30:
      return 502;
    case 14:
      return code === 'STATE_IN_USE' ? 423 : 503;
    case 20:
    case 21:
      return 409;
    case 22:
      return 412;
    case 23:
      return 422;
    case 130:
      return 503;
    case 1:
    case 126:
    case 127:
    case 2: // settings of the service: the caller did nothing wrong
      return 500;
  }
}

type Told = {
  readonly code: HttpCode | ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly retryable?: boolean;
};

function answer(status: number, {code, message, hint, retryable}: Told): Answer {
  const isPassing = retryable ?? [408, 429].includes(status);
  return {status, body: {error: {code, message, hint: hint ?? null, retryable: isPassing}}};
}

function refusal(code: HttpCode, message: string): Answer {
  return answer(STATUS[code], {code, message, hint: SEE});
}

export const SEE = 'GET /openapi.json describes all routes.';

/** What cannot even be read as a request: it is answered, and the connection is closed. */
export function refuseConnection(error: Error, socket: Socket): void {
  const {code} = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.bytesWritten > 0 || !socket.writable) {
    socket.destroy(); // an answer may be under way, which this one would garble
    return;
  }
  const {status, body} = answerToClient(code);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

function answerToClient(code: string | undefined): Answer {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return refusal('REQUEST_TIMEOUT', 'the request did not arrive in time');
  if (code === 'HPE_HEADER_OVERFLOW')
    return refusal('HEADERS_TOO_LARGE', 'the headers of the request are too large');
  return refusal('BAD_REQUEST', 'this is no request of HTTP');
}
