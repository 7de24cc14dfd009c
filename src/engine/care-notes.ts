/** What a service notes of its care for the store, so that restarts neither repeat nor forget it. */
import {z} from 'zod';
import type {State} from '../state/state.ts';
import {peekAtState, withState} from './open.ts';
import type {EngineOptions} from './options.ts';

export type CareTask = 'prune' | 'check' | 'drill';

export type TaskNote = {
  /** When it last began, by the wall clock of this machine, ISO 8601. */
  readonly at: string;
  /** False while it runs, and where the process ended in the middle of it. */
  readonly ended: boolean;
  /** Why it failed then; null where it did not. */
  readonly failure: string | null;
};

export type CareNotes = {
  readonly tasks: {readonly [task in CareTask]?: TaskNote | undefined};
  /** The part of the contents that the last check read. */
  readonly part?: number | undefined;
  /** When a snapshot was last restored and proved, ISO 8601. */
  readonly proven?: string | undefined;
};

const taskSchema: z.ZodType<TaskNote> = z.object({
  at: z.iso.datetime(),
  ended: z.boolean(),
  failure: z.string().nullable(),
});

const notesSchema: z.ZodType<CareNotes> = z.object({
  tasks: z.partialRecord(z.enum(['prune', 'check', 'drill']), taskSchema),
  part: z.int().positive().optional(),
  proven: z.iso.datetime().optional(),
});

const FACT = 'care';

/** Empty where nothing was noted, or what was cannot be read. */
export async function careNotes(options: EngineOptions): Promise<CareNotes> {
  return peekAtState(options, async (state) => (state === undefined ? NONE : notesIn(state)));
}

export async function notesIn(state: State): Promise<CareNotes> {
  return notesSchema.safeParse(await state.fact(FACT)).data ?? NONE;
}

const NONE: CareNotes = {tasks: {}};

/** @throws {EngineError} `STATE_IN_USE` while a command writes. */
export async function keepCareNotes(options: EngineOptions, notes: CareNotes): Promise<void> {
  await withState(options, ({state}) => state.keepFact(FACT, notes), 'read');
}
