/** `npm run bench` times captures and replicates (jobs.ts); `npm run bench -- idle` measures services at rest (idle.ts). */
import {idle} from './idle.ts';
import {jobs} from './jobs.ts';

const [what, ...args] = process.argv.slice(2);
if (what === 'idle') await idle(args);
else await jobs(process.argv.slice(2));
