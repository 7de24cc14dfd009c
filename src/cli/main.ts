#!/usr/bin/env node
/** The command `rowplica`. Imports nothing else before it knows that this Node can load the rest. */
import * as nodeModule from 'node:module';
import {setFlagsFromString} from 'node:v8';

const NODE_MAJOR_MIN = 22;
const EXIT_USAGE = 2;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `error: Rowplica needs Node ${NODE_MAJOR_MIN} or newer, and this is ${process.version}\n` +
      'what to do: run it with a newer Node, or through npm in a checkout, which brings its own\n',
  );
  process.exitCode = EXIT_USAGE;
} else {
  nodeModule.enableCompileCache(); // halves the time to start
  if (process.argv[2] === 'run') {
    // A service is there for months: V8 shall not let young objects take tens of megabytes, in each of its threads, before it looks.
    setFlagsFromString('--semi-space-growth-factor=1');
    process.on('SIGUSR1', () => {}); // until the service hears it: by itself, Node opens a debugger
  }
  const {runCommandLine} = await import('./command-line.ts');
  if (process.argv[2] !== 'run') (await import('./memory.ts')).keepMemorySmall();
  process.exitCode = await runCommandLine(process.argv.slice(2));
}
