/** Signs of life in a directory store: a small file for each author, replaced by each sign. */
import {randomUUID} from 'node:crypto';
import {mkdir, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {isEngineError} from '../../kernel/errors.ts';
import {LABEL_BYTES_MAX} from '../../kernel/limits.ts';
import {inBatches} from '../in-batches.ts';
import type {AliveLabel, AliveRef} from '../port.ts';
import {FOLDER_MODE, moveInto, uniquePath, writeFlushed} from './durable-files.ts';
import type {Layout} from './layout.ts';
import {parseLabel} from './list-labels.ts';
import {readPlain} from './plain-file.ts';
import {codeOf} from './store-errors.ts';

/** A file of anything else is no sign of life, and hides none of another author. */
export async function listAlive({alive}: Layout): Promise<readonly AliveRef[]> {
  const refs = await inBatches(await namesIn(alive), (name) => readAlive(join(alive, name)));
  return refs.filter((ref) => ref !== undefined);
}

/** Replaces the author's file in one step. It need not outlast a power cut: the next sign comes soon. */
export async function writeAlive(
  {alive, unfinished}: Layout,
  {lineage, epoch, sequence, digest, author}: AliveLabel,
): Promise<void> {
  await mkdir(unfinished, {recursive: true, mode: FOLDER_MODE});
  const draft = uniquePath(unfinished, 'alive-');
  const sign = {
    lineage,
    epoch,
    sequence,
    digest,
    author,
    time: new Date().toISOString(),
    id: randomUUID(),
  };
  await writeFlushed(draft, `${JSON.stringify(sign)}\n`);
  await moveInto(draft, join(alive, `${encodeURIComponent(author)}.json`));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readAlive(path: string): Promise<AliveRef | undefined> {
  try {
    const text = await readPlain(path, LABEL_BYTES_MAX);
    const label = parseLabel(text);
    const {id}: {id?: unknown} = label === undefined ? {} : (JSON.parse(text) as object);
    if (label === undefined || typeof id !== 'string') return undefined;
    const {lineage, epoch, sequence, digest, author, time} = label;
    return {lineage, epoch, sequence, digest, author, storeId: id, time};
  } catch (error) {
    if (isEngineError(error) || codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
