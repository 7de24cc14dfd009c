/** The published schema of compat files. */
import {z} from 'zod';
import {stepSchema} from './step-schema.ts';

/** As JSON Schema, which editors read (migrations-compat/schema.json); what a schema cannot say is checked by reading. */
export function stepJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    ...z.toJSONSchema(stepSchema, {io: 'input'}),
    title: 'Compat step of Rowplica: what migrations of an application do to replicated rows',
  };
}
