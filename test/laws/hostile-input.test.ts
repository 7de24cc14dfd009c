/** Whatever comes from outside is understood as it was written, or refused by name. */
import {inspect} from 'node:util';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {EngineError} from '../../src/kernel/errors.ts';
import {runs} from '../helpers/arbitraries.ts';
import {SECRET} from '../helpers/hostile/documents.ts';
import {damaged} from '../helpers/hostile/mutations.ts';
import {decoders} from './decoders.ts';

describe.each(decoders)('$name', ({documents, codes, decode, encode}) => {
  test('every valid document is read', () => {
    for (const document of documents) expect(() => decode(document)).not.toThrow();
  });

  test('a damaged one is refused by name, without a word of its cells, or has one spelling', () => {
    fc.assert(
      fc.property(damaged(documents), (bytes) => {
        const value = valueOf(() => decode(bytes), codes);
        if (value !== undefined && encode !== undefined)
          expect(encode(value as never)).toBe(bytes.toString('latin1'));
      }),
      runs,
    );
  });
});

function valueOf(decode: () => unknown, codes: readonly string[]): unknown {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    expect(codes).toContain(error.code);
    expect(error.message.length).toBeLessThan(2_100);
    expect(error.message).not.toContain('\n');
    expect(inspect(error, {depth: 9})).not.toContain(SECRET);
    return undefined;
  }
}
