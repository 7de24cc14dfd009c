/** Policies as they are written in a configuration file. */
import {z} from 'zod';
import {encodeCell} from '../canonical/cell.ts';
import type {WireCell} from '../kernel/row.ts';
import {
  CONFLICT_RULES,
  DRIFT_RULES,
  POLICY_NAMES,
  type DriftRule,
  type TablePolicy,
} from '../merge/policy.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import {chosen, isObject, text as name} from './schemas.ts';

const SCALAR = 'it is neither a text nor a number, true, false or null';
const INEXACT = 'it is not a number that can be told exactly';
const CONDITION = 'it takes a constant, a list of them, {in: …} or {not: …}';
const constant = z
  .custom<string | number | boolean | null>(
    (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value),
    SCALAR,
  )
  .refine((value) => typeof value !== 'number' || isExact(value), INEXACT)
  .transform(cellOf);
const constants = chosen<WireCell[]>((value) =>
  Array.isArray(value) ? z.array(constant).min(1) : constant.transform((cell) => [cell]),
);
const condition = chosen<{in: WireCell[]} | {not: WireCell[]}>((value) => {
  if (!isObject(value)) return constants.transform((cells) => ({in: cells}));
  const [test, ...others] = Object.keys(value);
  if (others.length > 0) return z.never(CONDITION);
  if (test === 'in') return z.strictObject({in: constants});
  return test === 'not' ? z.strictObject({not: constants}) : z.never(CONDITION);
});

/** SQLite has no NaN, and whole numbers beyond these were rounded when they were read. */
function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : !Number.isNaN(value);
}

/** A whole number is an INTEGER, true and false are 1 and 0, as SQLite has them. */
function cellOf(value: string | number | boolean | null): WireCell {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'number') return value;
  return encodeCell(Number.isInteger(value) ? BigInt(value) : value);
}

const policySchema = z
  .strictObject({
    policy: z.enum(POLICY_NAMES).optional(),
    onConflict: z.enum(CONFLICT_RULES).optional(),
    drift: z.enum(DRIFT_RULES).optional(),
    local: z.array(name).min(1).optional(),
    where: z.record(name, condition).transform(filtersOf).optional(),
    ownKeys: z.int().min(1).optional(),
  })
  .refine(
    ({onConflict, policy}) =>
      onConflict === undefined || policy === undefined || policy === 'merge',
    'onConflict belongs to policy merge',
  )
  .refine(
    ({drift, policy}) => drift === undefined || policy !== 'merge',
    'drift belongs to the policies mirror and seed; merge keeps local edits',
  )
  .refine(
    ({policy, ...rest}) =>
      policy !== 'off' || Object.values(rest).every((value) => value === undefined),
    'a table that is off has nothing else to be said of',
  );

function filtersOf(where: Record<string, {in: WireCell[]} | {not: WireCell[]}>): RowFilter[] {
  return Object.entries(where).map(([column, test]) => ({column, ...test}));
}

const shorthand = z.enum(POLICY_NAMES).transform((policy): TablePolicy => ({policy}));
const tablePolicy = chosen<TablePolicy>((value) => (isObject(value) ? policySchema : shorthand));

export const tableNames: z.ZodType<readonly string[]> = z.array(name).min(1);
export const policiesSchema: z.ZodType<ReadonlyMap<string, TablePolicy>> = z
  .record(name, tablePolicy)
  .transform((tables) => new Map(Object.entries(tables)));

/** `tables` as a list chooses tables; as a map it says what is done with each, by the name of a policy or in full. */
export const tablesSchema: z.ZodType<readonly string[] | ReadonlyMap<string, TablePolicy>> = chosen<
  readonly string[] | ReadonlyMap<string, TablePolicy>
>((value) => (Array.isArray(value) ? tableNames : policiesSchema));

export const driftSchema: z.ZodType<DriftRule> = z.enum(DRIFT_RULES);
