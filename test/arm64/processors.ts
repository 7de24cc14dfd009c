/** One instance as each processor runs it: the library in this arm64 process, the command line on x86-64. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {
  capture,
  noProgress,
  replicate,
  silentLog,
  verify,
  type CaptureResult,
  type EngineOptions,
  type ReplicateResult,
  type VerifyResult,
} from '../../src/index.ts';
import {environment, Instance} from '../helpers/cli.ts';

export type Processor = 'arm64' | 'x86-64';

export type Place = {
  readonly database: string;
  readonly store: string;
  readonly state: string;
  readonly tables: readonly string[];
};

export type Runs = {
  capture(): Promise<CaptureResult>;
  replicate(): Promise<ReplicateResult>;
  /** Without a snapshot: compares with what was last captured or applied. */
  verify(snapshot?: string): Promise<VerifyResult>;
};

export function runsOn(processor: Processor, place: Place): Runs {
  return processor === 'arm64' ? here(place) : there(place);
}

function here(place: Place): Runs {
  const options: EngineOptions = {
    ...place,
    env: environment(),
    log: silentLog,
    progress: noProgress,
  };
  return {
    capture: () => capture(options),
    replicate: () => replicate(options),
    verify: (snapshot) => verify({...options, snapshot}),
  };
}

function there(place: Place): Runs {
  const instance = new Instance(place);
  return {
    capture: () => instance.capture(),
    replicate: () => instance.replicate(),
    verify: (snapshot) =>
      snapshot === undefined ? instance.verify() : instance.verify('--snapshot', snapshot),
  };
}

/** The manifest of the only snapshot in the folder of a store. */
export function readManifest(store: string): Uint8Array {
  const snapshots = join(store, 'snapshots');
  return readFileSync(join(snapshots, String(readdirSync(snapshots)[0]), 'manifest'));
}
