/** Stands in for the tests under arm64 where no emulator is installed. */
import {expect, test} from 'vitest';
import {mustBeHere} from './emulator.ts';
import {sayLine} from './say.ts';

const why =
  'no emulator here; npm run test:arm64 installs it on Debian and Ubuntu, x86-64, for root or with sudo';

test('there is an emulator of arm64', ({skip}) => {
  if (mustBeHere()) expect.fail(`CI does not skip the tests under arm64: ${why}`);
  sayLine(`skipped: all tests under arm64 (${why})`);
  skip(why);
});
