/** Runs a case through the engine: capture on the one side, replicate on the other, a directory between. */
import {createHash} from 'node:crypto';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {
  capture,
  isEngineError,
  noProgress,
  replicate,
  silentLog,
  type EngineError,
  type EngineOptions,
} from '../../src/index.ts';
import type {Case} from './case.ts';
import {dump, longTexts, makeSide} from './databases.ts';
import {faultsOf, gather, isSame} from './judge.ts';

/** What became of a case; `faults` says what is wrong with that, without a cell value. */
export type Outcome =
  | {readonly kind: 'converged'; readonly faults: readonly string[]}
  | {readonly kind: 'refused'; readonly error: EngineError; readonly faults: readonly string[]};

/** Shorter texts of rows may stand in an error's words by chance. */
const tellingLength = 4;

/** Makes the databases in an empty folder and runs the case. Errors that are no refusals are thrown. */
export async function runOurs(from: Case, folder: string): Promise<Outcome> {
  const [primary, replica] = [makeSide(folder, 'primary', from), makeSide(folder, 'replica', from)];
  const evidence = gather(from, primary, replica);
  const secrets = [primary, replica].flatMap((path) => longTexts(path, tellingLength));
  const options = (database: string): EngineOptions => ({
    ...from.options,
    database,
    store: `dir:${join(folder, 'store')}`,
    state: `${database}-state`,
    tables: from.tables,
    env: {},
    log: silentLog,
    progress: noProgress,
  });
  const apply = () => replicate({allowDeletes: from.tables, ...options(replica)});
  try {
    await capture(options(primary));
    await apply();
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const faults = [
      ...(isSame(evidence.before, dump(replica)) ? [] : ['the replica changed']),
      ...told(error, secrets),
    ];
    return {kind: 'refused', error, faults};
  }
  const faults = [
    ...faultsOf(from, evidence, dump(replica)),
    ...(isSame(evidence.primary, dump(primary)) ? [] : ['the primary changed']),
  ];
  const bytes = bytesOf(replica);
  const again = await apply();
  const wrote = again.applied || bytes !== bytesOf(replica);
  return {kind: 'converged', faults: [...faults, ...(wrote ? ['a second run writes'] : [])]};
}

/** What a person or a script reads of an error. */
export function textOf({message, site, hint}: EngineError): string {
  return [message, ...Object.values(site), hint ?? ''].join('\n');
}

function told(error: EngineError, secrets: readonly string[]): readonly string[] {
  const text = textOf(error);
  return secrets.some((secret) => text.includes(secret)) ? ['the error tells a cell value'] : [];
}

/** Digest of the bytes of file and log; nobody has them open now. */
function bytesOf(path: string): string {
  const digest = createHash('sha256');
  for (const file of [path, `${path}-wal`])
    digest.update(existsSync(file) ? readFileSync(file) : '');
  return digest.digest('hex');
}
