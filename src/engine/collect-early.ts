/** Has V8 collect what passed for old, before much of it piles up. */
import {PerformanceObserver} from 'node:perf_hooks';
import {getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';

/** MiB that may come to what was kept after the last time; and never less than half of that, so that a heap that grows costs no more for it. */
const PILE_MIB = 12;

/**
 * For threads of our own. Of rows that are read page by page, a few outlive two collections of young objects, and V8 looks for garbage
 * among the old ones only after some 80 MiB: with two threads, a command takes 100 MB more for ten million rows than for one. A
 * collection takes 15 ms, and there is one for each million rows or two.
 */
export function collectEarly(): void {
  let kept = oldBytes();
  const observer = new PerformanceObserver(() => {
    if (oldBytes() < kept + Math.max(PILE_MIB * 2 ** 20, kept / 2)) return;
    collect();
    kept = oldBytes();
  });
  observer.observe({entryTypes: ['gc']});
}

/** Long texts have a space of their own, and the bytes of chunks are outside of all of them until their handles are collected. */
function oldBytes(): number {
  const used = getHeapSpaceStatistics()
    .filter(({space_name: name}) => name === 'old_space' || name === 'large_object_space')
    .map(({space_used_size: bytes}) => bytes);
  return used.reduce((sum, bytes) => sum + bytes, getHeapStatistics().external_memory);
}

let found: (() => void) | undefined;

/** Node has no call for it: a context made under this flag has one. */
function collect(): void {
  if (found === undefined) {
    setFlagsFromString('--expose-gc');
    found = runInNewContext('gc') as () => void;
  }
  found();
}
