/** What a replica last heard of its primary, kept so that a restart does not make a silence look short. */
import {z} from 'zod';
import {peekAtState, withState} from './open.ts';
import type {EngineOptions} from './options.ts';

export type Heard = {
  /** Names the signs of life, as `poll` gives them. */
  readonly signs: string;
  /** When they were first seen, by the wall clock of this machine, ISO 8601. */
  readonly at: string;
};

const heardSchema = z.strictObject({signs: z.string(), at: z.iso.datetime()});

const FACT = 'heard';

/** Undefined where nothing was noted, or what was cannot be read. */
export async function heard(options: EngineOptions): Promise<Heard | undefined> {
  return peekAtState(options, async (state) => {
    const body = await state?.fact(FACT);
    const parsed = heardSchema.safeParse(body);
    return parsed.success ? parsed.data : undefined;
  });
}

export async function note(options: EngineOptions, news: Heard): Promise<void> {
  await withState(options, ({state}) => state.keepFact(FACT, news), 'read');
}
