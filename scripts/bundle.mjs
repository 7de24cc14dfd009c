// Packs the command as it is installed: one file for each of its threads, in the place of `dist/cli`.
//
// Node looks for, reads and compiles each module at each start: several hundred of them take twice the time and half as much memory
// again. What programs import (`dist/index.js`) stays as the compiler wrote it. Packages stay dependencies: their licences come with
// them, and better-sqlite3 brings a binary that cannot be packed.
import {copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'rolldown';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
const commands = join(dist, 'cli');
const packed = join(dist, 'cli.packed');
/** Entry of a thread, and whether it loads parts of itself only once they are asked for. */
const THREADS = [
  {entry: 'cli/main.js', inParts: true},
  {entry: 'engine/read-worker.js', inParts: false},
  {entry: 'service/engine-worker.js', inParts: false},
];
/** Loaded by path, into other programs. */
const LOADED = ['profiles/uptime-kuma/alerts/name-host.cjs'];

rmSync(packed, {recursive: true, force: true});
for (const {entry, inParts} of THREADS)
  await build({
    input: join(dist, entry),
    platform: 'node',
    external: ['better-sqlite3'],
    logLevel: 'warn',
    output: {
      dir: packed,
      format: 'esm',
      codeSplitting: inParts,
      chunkFileNames: '[name].js',
    },
  });
for (const file of LOADED) copyFileSync(join(dist, file), join(packed, file.split('/').at(-1)));
checkNeighbours();
rmSync(commands, {recursive: true});
renameSync(packed, commands);

/** Files that are found by a path beside the one that names them have to be there. */
function checkNeighbours() {
  const files = readdirSync(packed);
  for (const file of files)
    for (const [, name] of readFileSync(join(packed, file), 'utf8').matchAll(
      /new URL\([`'"]\.\/([\w.-]+)(?:\$\{.*?\})?[`'"], import\.meta\.url\)/g,
    ))
      if (!existsSync(join(packed, name)) && !existsSync(join(packed, `${name}.js`)))
        throw new Error(`${file} looks for ${name} beside it, which is not packed`);
}
