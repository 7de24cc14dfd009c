/** What a compat file may say, as it is checked, and as editors are told it (migrations-compat/schema.json). */
import {z} from 'zod';
import {COMPAT_PATTERN_CHARS_MAX} from '../kernel/limits.ts';
import type {Condition, Expression, Operation, StepFile} from './step.ts';

const name = z.string().min(1);
/** A value as SQL would hold it: NULL, number, text, or a boolean, which is 0 or 1. */
const literal = z.union([z.null(), z.boolean(), z.number(), z.string()]);
const pattern = z.string().max(COMPAT_PATTERN_CHARS_MAX);

const part = z.union([
  z.string(),
  z.strictObject({
    column: name,
    split: z
      .string()
      .min(1)
      .optional()
      .describe('Splits the text there, and takes the piece of this number, from 1.'),
    piece: z.int().min(1).optional(),
    integer: z
      .literal(true)
      .optional()
      .describe('The whole number that the piece begins with, without leading zeros.'),
  }),
]);

/** A value, a column of the same row, its value times and plus a number, or a text put together of pieces. */
const expressionSchema: z.ZodType<Expression> = z.union([
  literal,
  z.strictObject({column: name, times: z.number().optional(), plus: z.number().optional()}),
  z.strictObject({text: z.array(part).min(1)}),
]);

/** All that is named has to hold; a bare value means equality, as `IS` has it, a list any of its values. */
const conditionSchema: z.ZodType<Condition> = z.union([
  literal,
  z.array(literal).min(1),
  z
    .strictObject({
      not: z.union([literal, z.array(literal).min(1)]).optional(),
      atMost: z.number().optional(),
      atLeast: z.number().optional(),
      like: pattern.optional(),
      notLike: pattern.optional(),
      json: z
        .strictObject({
          member: name,
          is: z.array(z.string()).min(1),
          ignoreCase: z.boolean().optional(),
        })
        .optional(),
      topLevelDomain: z
        .strictObject({in: z.array(name).min(1).optional(), notIn: z.array(name).min(1).optional()})
        .optional(),
    })
    .refine((value) => Object.keys(value).length > 0, 'it names no condition'),
]);

const where = z.record(name, conditionSchema);
const declared = {type: z.string(), notNull: z.boolean().optional()};

const operationSchema: z.ZodType<Operation> = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('addColumn'),
    table: name,
    column: name,
    ...declared,
    value: expressionSchema.optional(),
    idle: z.array(where).min(1).optional(),
  }),
  z.strictObject({
    op: z.literal('dropColumn'),
    table: name,
    column: name,
    restore: z
      .strictObject({...declared, value: literal.optional()})
      .optional()
      .describe('What it is again in a database that still has it: needed to lower.'),
  }),
  z.strictObject({op: z.literal('renameColumn'), table: name, from: name, to: name}),
  z.strictObject({
    op: z.literal('changeColumn'),
    table: name,
    column: name,
    ...declared,
    was: z
      .strictObject(declared)
      .optional()
      .describe('How it was declared before: needed to lower.'),
  }),
  z.strictObject({op: z.literal('changeTable'), table: name}),
  z.strictObject({op: z.literal('renameTable'), from: name, to: name}),
  z.strictObject({op: z.literal('addTable'), table: name}),
  z.strictObject({op: z.literal('dropTable'), table: name}),
  z.strictObject({
    op: z.literal('mapValues'),
    table: name,
    column: name,
    map: z.record(z.string(), literal),
    where: where.optional(),
  }),
  z.strictObject({
    op: z.literal('setColumn'),
    table: name,
    column: name,
    value: expressionSchema,
    where: where.optional(),
  }),
  z.strictObject({
    op: z.literal('deleteRows'),
    table: name,
    where,
    with: z
      .array(z.strictObject({table: name, column: name, to: name}))
      .optional()
      .describe(
        'Rows of other tables that go with them, because their column holds the value of `to` of a deleted row.',
      ),
  }),
]);

export const stepSchema: z.ZodType<StepFile> = z.strictObject({
  format: z.int().min(1),
  application: name,
  summary: z.string().min(1).describe('For people: what it is about.'),
  migrations: z.array(name).min(1),
  after: z
    .array(name)
    .optional()
    .describe('Other steps that come before this one; else the order is that of the file names.'),
  reversible: z
    .boolean()
    .optional()
    .describe(
      'The release before understands rows that it gives back; whether nothing is lost is checked row by row.',
    ),
  refuse: z
    .array(z.strictObject({table: name, where: where.optional()}))
    .optional()
    .describe(
      'Rows, as the step leaves them, that the release before does not understand; without `where` all of the table.',
    ),
  operations: z.array(operationSchema),
});
