/** A muted replica that becomes the primary: what was taken away there would be missing everywhere. */
import {EngineError} from '../kernel/errors.ts';
import {applicationNamed} from '../profiles/find-profile.ts';
import type {Manifest} from '../snapshot/manifest.ts';
import type {StoredPosition} from '../state/state.ts';
import {mutedThen} from './base-domains.ts';
import type {Captured} from './make-manifest.ts';
import type {EngineOptions} from './options.ts';

/**
 * By what is on record.
 *
 * @throws {EngineError} `MUTED` where this database was last brought to a snapshot without those rows.
 */
export function refuseMuted(position: Pick<StoredPosition, 'domains'> | undefined): void {
  const [table] = mutedThen(position?.domains);
  if (table !== undefined)
    throw silent(
      table,
      'Run rowplica unmute, which brings them back; a service of role primary does so by itself.',
    );
}

/**
 * The same where nothing is on record, and nothing but the setting tells.
 *
 * @throws {EngineError} `MUTED` where such a table is empty here, and is not in the newest snapshot.
 */
export function refuseSilence(
  newest: Manifest | undefined,
  {source, tables}: Captured,
  {muted}: Pick<EngineOptions, 'muted'>,
): void {
  if (muted !== true || newest === undefined || source.application === null) return;
  const names = applicationNamed(source.application).alertTables ?? [];
  const lost = names.find(
    (name) =>
      newest.tables.some((table) => table.name === name && table.rows > 0) &&
      tables.some(({shape, content}) => shape.table === name && content.rows === 0),
  );
  if (lost !== undefined)
    throw silent(
      lost,
      'Switch alerts.muted off and run rowplica replicate here once, which brings them back; if they shall be gone everywhere, leave alerts.muted out.',
    );
}

function silent(table: string, hint: string): EngineError {
  return new EngineError(
    'MUTED',
    `this is a muted replica: its rows of "${table}" were taken away, and would be on every instance`,
    {site: {table}, hint},
  );
}
