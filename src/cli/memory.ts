/** Keeps a command's memory from growing as far as V8 would let it. */
import {PerformanceObserver} from 'node:perf_hooks';
import {getHeapSpaceStatistics, setFlagsFromString} from 'node:v8';
import {collectEarly} from '../engine/collect-early.ts';

/** MiB of young objects from which on their room stays as it is. With much less, rows still being read pass for old, and pile up. */
const ENOUGH_MIB = 24;
/** MiB that a half of that room has in each thread that begins later: it would not grow any more, and a thread that reads rows would collect every few of them. */
const THREAD_YOUNG_MIB = 16;

export function keepMemorySmall(): void {
  limitYoungSpace();
  collectEarly();
}

/**
 * V8 gives a process that reads many rows up to 128 MiB for young objects, and has next to nothing of them to keep. The limit can only be set
 * at the start of a process, which npm's links and images do without flags; how fast the room grows is looked up each time that it does.
 */
function limitYoungSpace(): void {
  setFlagsFromString(`--min-semi-space-size=${THREAD_YOUNG_MIB}`); // this thread has begun with less, and grows
  const observer = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({space_name: name}) => name === 'new_space');
    if (young === undefined || young.space_size < ENOUGH_MIB * 2 ** 20) return;
    observer.disconnect();
    setFlagsFromString('--semi-space-growth-factor=1');
  });
  observer.observe({entryTypes: ['gc']});
}
