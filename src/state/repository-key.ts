/** The generated key of the default repository. Whoever has it can read every snapshot. */
import {randomBytes, randomUUID} from 'node:crypto';
import {existsSync, linkSync} from 'node:fs';
import {guarded, removeAll, writeDurably} from './files.ts';

export const REPOSITORY_KEY = 'repository.key';

/** Makes the key file where there is none; an existing one is never replaced, nor one that another process makes meanwhile. */
export function makeRepositoryKey(path: string): void {
  if (existsSync(path)) return;
  const draft = `${path}.${randomUUID()}`;
  try {
    writeDurably(draft, Buffer.from(randomBytes(32).toString('base64url') + '\n'));
    guarded(path, () => linkSync(draft, path)); // unlike a rename, fails where there is one by now
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    removeAll(draft);
  }
}
