// Loaded into a process that is measured: writes down how much memory it had at most, in KiB.
import {writeFileSync} from 'node:fs';
import {isMainThread} from 'node:worker_threads';

if (isMainThread)
  process.on('exit', () =>
    writeFileSync(process.env.BENCH_PEAK, String(process.resourceUsage().maxRSS)),
  );
