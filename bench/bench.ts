/** `npm run bench` times the jobs (jobs.ts); `npm run bench -- idle` measures services at rest (idle.ts). */
import {idle} from './idle.ts';

const [what, ...args] = process.argv.slice(2);
if (what === 'idle') await idle(args);
else await import('./jobs.ts');
