/** How single values are checked; no message quotes a value, which may be a secret. */
import {z} from 'zod';

export const text: z.ZodType<string> = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'it holds a NUL');

/** What a text means; undefined from `read` is refused, and told by `why`. */
export function meant<T>(why: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    const meaning = typeof value === 'string' ? read(value) : undefined;
    if (meaning !== undefined) return meaning;
    context.addIssue({code: 'custom', message: why});
    return z.NEVER;
  });
}

/** Takes the schema that the value's form asks for, so that a fault is told in its terms. */
export function chosen<T>(pick: (value: unknown) => z.ZodType<T>): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    const parsed = pick(value).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const {message, path} of parsed.error.issues)
      context.addIssue({code: 'custom', message, path: [...path]});
    return z.NEVER;
  });
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
