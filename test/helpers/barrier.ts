// Loaded before a command that runs at the same time as others: it is ready, waits for the word, and starts a little later.

import {existsSync, writeFileSync} from 'node:fs';
import {setTimeout as pause} from 'node:timers/promises';

const barrier = process.env['TEST_BARRIER'];
if (barrier !== undefined) {
  await import('../../src/cli/command-line.ts'); // so that what follows is the work alone
  writeFileSync(`${barrier}.${process.env['TEST_NAME']}`, '');
  while (!existsSync(barrier)) await pause(1);
  await pause(Number(process.env['TEST_DELAY']));
}
