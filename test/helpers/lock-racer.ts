// A process that tries to take a lock at the moment it is told, says whether it got it, and releases it when told.

import {takeLock} from '../../src/state/lock.ts';

/** What it is told: the folder and the moment to try, in milliseconds of the clock; or to let go. */
export type RaceCall = {readonly folder: string; readonly at: number} | 'release';

let release: (() => void) | undefined;

process.on('message', (call: RaceCall) => {
  if (call === 'release') {
    release?.();
    release = undefined;
    process.send?.(true);
    return;
  }
  while (Date.now() < call.at); // a timer would not be exact enough for both to meet
  try {
    release = takeLock(call.folder);
  } catch {
    release = undefined;
  }
  process.send?.(release !== undefined);
});
