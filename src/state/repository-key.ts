/** The generated key of the default repository. Whoever has it can read every snapshot. */
import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {writeDurably} from './files.ts';

export const REPOSITORY_KEY = 'repository.key';

/** Makes the key file where there is none; an existing one is never replaced. */
export function makeRepositoryKey(path: string): void {
  if (!existsSync(path))
    writeDurably(path, Buffer.from(randomBytes(32).toString('base64url') + '\n'));
}
