/**
 * The vitest project that runs test files under an emulated arm64 Node. Vitest itself stays on x86-64 and
 * transforms the files; only its worker processes are emulated.
 */
import {ForksPoolWorker, type PoolOptions, type TestUserConfig} from 'vitest/node';
import {emulatedNode, type Command} from './emulator.ts';

/** What the project runs: the pinned bytes, the trap corpus, and both processors on one store. */
const emulated = [
  'test/golden/**/*.test.ts',
  'test/corpus/corpus.test.ts',
  'test/arm64/**/*.test.ts',
];
const absence = 'test/arm64/absence.test.ts';

/** Where the emulator is not installed, a skip that says so is all there is. */
export function arm64Options(): TestUserConfig {
  const node = emulatedNode();
  if (node === undefined) return {include: [absence]};
  return {
    include: emulated,
    exclude: [absence],
    setupFiles: ['test/arm64/on-arm64.ts'],
    // The command line that tests start is that of the other processor.
    env: {ROWPLICA_TEST_NODE: process.execPath},
    pool: {name: 'arm64', createPoolWorker: (options) => new EmulatedWorker(options, node)},
  };
}

class EmulatedWorker extends ForksPoolWorker {
  override readonly name: string = 'arm64';
  readonly #emulator: string;

  constructor(options: PoolOptions, {file, args}: Command) {
    super(options);
    this.#emulator = file;
    this.execArgv = [...args, ...this.execArgv];
  }

  /** The process is forked before the first await, from the program that `execPath` names. */
  override start(): Promise<void> {
    const own = process.execPath;
    process.execPath = this.#emulator;
    try {
      return super.start();
    } finally {
      process.execPath = own;
    }
  }
}
