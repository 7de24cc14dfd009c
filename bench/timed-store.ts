/** A store in a folder in the place of restic, whose own time can be left out. */
import {openDirectoryStore} from '../src/store/directory/directory-store.ts';
import {silentLog} from '../src/index.ts';
import type {Store} from '../src/store/port.ts';

export type TimedStore = {
  readonly store: Store;
  /** Milliseconds that its calls took since this was asked last. */
  readonly spentMs: () => number;
};

export function timedStore(path: string): TimedStore {
  let spent = 0;
  const timed = async (call: () => unknown): Promise<unknown> => {
    const beganMs = performance.now();
    try {
      return await call();
    } finally {
      spent += performance.now() - beganMs;
    }
  };
  const members = Object.entries(openDirectoryStore({path, log: silentLog})).map(
    ([name, member]) =>
      [
        name,
        typeof member === 'function'
          ? (...args: readonly unknown[]) =>
              timed(() => (member as (...given: readonly unknown[]) => unknown)(...args))
          : member,
      ] as const,
  );
  return {
    store: Object.fromEntries(members) as Store,
    spentMs: () => {
      const ms = spent;
      spent = 0;
      return ms;
    },
  };
}
