/** compat check: reads all compat steps, and proves them on pairs of databases. Writes nothing. */
import {examineSteps} from '../compat/read-steps.ts';
import {compatFiles} from './compat-files.ts';
import {provePair, type PairProof} from './compat-proof.ts';
import type {DatabasePair} from './compat-sides.ts';
import type {EngineOptions} from './options.ts';

export type CompatCheckOptions = Omit<EngineOptions, 'database'> & {
  readonly pairs: readonly DatabasePair[];
};

export type CompatCheckResult = {
  /** No file has a fault, and the steps make of the rows of each older database those of the newer one. */
  readonly proven: boolean;
  /** How many steps there are for each application. */
  readonly applications: Readonly<Record<string, number>>;
  readonly faults: readonly CompatFault[];
  /** Empty where a file has a fault. */
  readonly pairs: readonly PairProof[];
};

/** What is wrong with a file; `line` from 1. */
export type CompatFault = {readonly file: string; readonly line: number; readonly why: string};

/** @throws {EngineError} where a file or a database cannot be read, or no profile recognises a database. */
export async function compatCheck(options: CompatCheckOptions): Promise<CompatCheckResult> {
  const applications: [string, number][] = [];
  const faults: CompatFault[] = [];
  for (const [name, files] of compatFiles(options.compat)) {
    applications.push([name, files.length]);
    for (const {path, line, why} of examineSteps(files).faults)
      faults.push({file: path, line, why});
  }
  const pairs: PairProof[] = [];
  if (faults.length === 0)
    for (const pair of options.pairs) pairs.push(await provePair(options, pair));
  const proven = faults.length === 0 && pairs.every((pair) => pair.proven);
  return {proven, applications: Object.fromEntries(applications), faults, pairs};
}
