/** What the routes answer, as schemas: the OpenAPI document is made of them, and tests hold the answers against them. */
import type {FastifyDynamicSwaggerOptions} from '@fastify/swagger';
import {z} from 'zod';
import type {HistoryPage} from '../engine/history.ts';
import {HISTORY_ROWS, HISTORY_ROWS_MAX} from '../kernel/limits.ts';
import type {ApplicationReport, LastReload, ReloadReport, StatusReport} from '../service/source.ts';
import type {ErrorBody} from './errors.ts';

export const DOCUMENT: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Rowplica',
      description:
        'What a service that replicates database rows tells of itself. No answer holds the value of a cell.',
      version: '1',
    },
    components: {securitySchemes: {token: {type: 'http', scheme: 'bearer'}}},
  },
};

const count = z.int().min(0);
const at = z.iso.datetime();
const counts = z.object({inserted: count, updated: count, deleted: count});
const code = z.string().describe('A fixed word: it is never renamed.');
const status = z.enum(['ok', 'waiting', 'degraded', 'stale', 'held', 'fenced', 'failed']);

const position = z.object({lineage: z.string(), epoch: count, sequence: count, digest: z.string()});

const lastCycle = z.object({
  at,
  seconds: z.number(),
  outcome: z.enum(['nothing', 'beat', 'looked', 'captured', 'replicated', 'failed']),
  failure: z.object({code, message: z.string(), hint: z.string().optional()}).nullable(),
});

const lastApply = z.object({
  at,
  snapshot: z.string(),
  epoch: count,
  sequence: count,
  proof: z.enum(['full', 'touched']),
  tables: z.record(z.string(), counts),
});

const application = z.object({
  state: z.enum(['starting', 'ready', 'restarting', 'ended']),
  pid: count.nullable(),
  restarts: count,
  lastExit: z.object({code: count.nullable(), signal: z.string().nullable(), at}).nullable(),
} satisfies Record<keyof ApplicationReport, z.ZodType>);

const lastReload = z.object({
  at,
  strategy: z.enum(['socket', 'restart', 'command', 'none']),
  outcome: z.enum(['told', 'absent', 'failed']),
  seconds: z.number(),
  calls: z.record(z.string(), count),
} satisfies Record<keyof LastReload, z.ZodType>);

const reload = z.object({
  last: lastReload.nullable(),
  restartDue: z.string().nullable(),
} satisfies Record<keyof ReloadReport, z.ZodType>);

export const statusSchema: z.ZodType = z.object({
  role: z.enum(['primary', 'replica']),
  status,
  reason: z.string(),
  position: position.nullable(),
  lastCycle: lastCycle.nullable(),
  lastApply: lastApply.nullable(),
  lagSeconds: z.number().nullable(),
  drift: count.nullable(),
  verdict: z.enum(['compatible', 'held', 'refused']).nullable(),
  proven: at.nullable(),
  application: application.nullable(),
  reload: reload.nullable(),
  muted: z.boolean().describe('The application of this replica is kept from alerting.'),
} satisfies Record<keyof StatusReport, z.ZodType>);

export const snapshotsSchema: z.ZodType = z.object({
  snapshots: z.array(
    position.extend({
      snapshot: z.string(),
      storeId: z.string(),
      parent: z.string().nullable(),
      author: z.string(),
      time: z.string(),
      here: z.boolean().describe('True for the one that this database holds.'),
    }),
  ),
});

export const historySchema: z.ZodType = z.object({
  applies: z.array(
    position.omit({digest: true}).extend({
      apply: count,
      at,
      snapshot: z.string(),
      listed: z.enum(['yes', 'tooLong', 'damaged']),
      cascades: z.record(z.string(), count),
    }),
  ),
  rows: z.array(
    z.object({
      apply: count,
      table: z.string(),
      key: z.string().describe('Numbers are shown; anything else is a digest.'),
      op: z.enum(['insert', 'update', 'delete']),
      columns: z.array(z.string()),
    }),
  ),
  next: z.string().nullable().describe('What to give as `before` for older rows.'),
} satisfies Record<keyof HistoryPage, z.ZodType>);

export const errorSchema: z.ZodType = z.object({
  error: z.object({
    code,
    message: z.string(),
    hint: z.string().nullable(),
    retryable: z.boolean(),
  } satisfies Record<keyof ErrorBody['error'], z.ZodType>),
});

export const wordSchema: z.ZodType = z.object({status: z.string()});
export const startedSchema: z.ZodType = z.object({accepted: z.literal(true)});

/** As a route declares it. */
export function jsonSchema(schema: z.ZodType): object {
  const {$schema: _, ...rest} = z.toJSONSchema(schema);
  return rest;
}

export const historyQuery: object = {
  type: 'object',
  properties: {
    limit: {type: 'integer', minimum: 1, maximum: HISTORY_ROWS_MAX, default: HISTORY_ROWS},
    before: {
      type: 'string',
      pattern: '^\\d{1,15}-\\d{1,15}$',
      description: '`next` of the page before',
    },
  },
};
