/** All routes, each with what it answers. */
import type {FastifyInstance, RouteShorthandOptions} from 'fastify';
import type {HistoryRequest} from '../engine/history.ts';
import type {ServiceSource} from '../service/source.ts';
import type {StatusWord} from '../service/status.ts';
import type {Access} from './guards.ts';
import type {LoopDelay} from './loop-delay.ts';
import {expose} from './metrics.ts';
import * as schemas from './schemas.ts';

export function addRoutes(app: FastifyInstance, source: ServiceSource, delay: LoopDelay): void {
  addProbes(app, source);
  addReads(app, source);
  addMetrics(app, source, delay);
  const started = declared('change', 'Has the next cycle begin at once', {
    202: schemas.startedSchema,
  });
  app.post('/api/v1/cycle', costly(started), async (_, reply) => {
    source.trigger();
    return reply.code(202).send({accepted: true});
  });
  app.get('/openapi.json', declared('read', 'This document'), async () => app.swagger());
}

const READY: readonly StatusWord[] = ['ok', 'degraded'];
/** Where `/healthz` says 200. */
export const HEALTHY: readonly StatusWord[] = ['ok', 'degraded', 'waiting'];

/** One word each: they are answered to everybody. */
function addProbes(app: FastifyInstance, source: ServiceSource): void {
  const word = {200: schemas.wordSchema, 503: schemas.wordSchema};
  const alive = declared('probe', 'Answers as long as the process does', {200: schemas.wordSchema});
  app.get('/livez', alive, async () => ({status: 'alive'}));
  const probe = (path: string, summary: string, good: readonly StatusWord[]): void => {
    app.get(path, declared('probe', summary, word), async (_, reply) => {
      const {status} = source.status();
      return reply.code(good.includes(status) ? 200 : 503).send({status});
    });
  };
  probe('/readyz', '200 while the rows are, or were lately, those that shall be here', READY);
  probe('/healthz', '200 while nothing needs a person: never while stale', HEALTHY);
}

function addReads(app: FastifyInstance, source: ServiceSource): void {
  const status = declared('read', 'Where this instance stands, and why', {
    200: schemas.statusSchema,
  });
  app.get('/api/v1/status', status, async () => source.status());
  const listing = declared('read', 'Every snapshot of the store', {200: schemas.snapshotsSchema});
  app.get('/api/v1/snapshots', costly(listing), async () => source.snapshots());
  const audit = declared('read', 'Rows that were written here, the last apply first: no values', {
    200: schemas.historySchema,
  });
  const history = costly({
    ...audit,
    schema: {...audit.schema, querystring: schemas.historyQuery},
  });
  app.get<{Querystring: HistoryRequest}>('/api/v1/history', history, async ({query}) =>
    source.history(query),
  );
}

function addMetrics(app: FastifyInstance, source: ServiceSource, delay: LoopDelay): void {
  const metrics = declared('read', 'Measures in the text format of Prometheus');
  app.get('/metrics', metrics, async (_, reply) => {
    const [status, measures] = [source.status(), source.measures()];
    const measured = {status, measures, loopDelayP99Seconds: delay.p99()};
    const {contentType, text} = await expose(measured);
    return reply.header('content-type', contentType).send(text);
  });
}

type Answers = Readonly<Record<string, Parameters<typeof schemas.jsonSchema>[0]>>;

function declared(access: Access, summary: string, answers: Answers = {}): RouteShorthandOptions {
  const all: Answers = access === 'probe' ? answers : {...answers, '4xx': schemas.errorSchema};
  const response = Object.fromEntries(
    Object.entries(all).map(([status, schema]) => [status, schemas.jsonSchema(schema)]),
  );
  const security = access === 'change' ? [{token: []}] : access === 'read' ? [{}, {token: []}] : [];
  return {config: {access}, schema: {summary, response, security}};
}

function costly(options: RouteShorthandOptions): RouteShorthandOptions {
  return {...options, config: {...options.config, isCostly: true}};
}
