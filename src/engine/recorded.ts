/** Manifests of the state's own records: a snapshot's, or what was made of it for another schema version. */
import {digestOf, type Digest} from '../canonical/digest.ts';
import {EngineError} from '../kernel/errors.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import type {Manifest} from '../snapshot/manifest.ts';

/** Says in an adapted manifest of which snapshot it is. No store may hold such a one under that digest. */
const ADAPTED_FROM = 'x-adapted-from';

/** A manifest that stands for a snapshot in a database of another version. */
export function adaptedManifest(manifest: Manifest, snapshot: Digest): Manifest {
  return {...manifest, [ADAPTED_FROM]: snapshot} as Manifest;
}

/**
 * What a database was brought to, by its record.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where the record is damaged.
 */
export function recordedManifest(record: {
  readonly manifest: Uint8Array;
  readonly digest: Digest;
}): Manifest {
  if (digestOf(record.manifest) === record.digest)
    return decodeManifest(record.manifest, record.digest);
  const manifest = decodeManifest(record.manifest);
  const members: Readonly<Record<string, unknown>> = manifest;
  if (members[ADAPTED_FROM] === record.digest) return manifest;
  throw new EngineError('SNAPSHOT_CORRUPT', 'the manifest on record is not that of its snapshot', {
    hint: 'Run replicate, which fetches it again and compares all rows.',
  });
}
