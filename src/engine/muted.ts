/** A replica that alerts nobody: what a snapshot holds of the tables by which it would is taken for nothing at all. */
import {EngineError} from '../kernel/errors.ts';
import type {EffectivePolicy} from '../merge/policy.ts';
import type {Profile} from '../profiles/profile.ts';
import {tableContent} from '../snapshot/content.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';

/**
 * Tables that are kept empty here.
 *
 * @throws {EngineError} `CONFIG_INVALID` where nobody knows which they are, or where the snapshot lacks them: nothing could bring their
 * rows back then.
 */
export function mutedTables(
  profile: Profile | undefined,
  {tables}: Pick<Manifest, 'tables'>,
  isMuted: boolean | undefined,
): ReadonlySet<string> {
  if (isMuted !== true) return new Set();
  const names = profile?.alertTables;
  if (names === undefined)
    throw cannotMute('no profile says by which tables this application alerts', 'Leave it out.');
  const missing = names.find((name) => tables.every((table) => table.name !== name));
  if (missing !== undefined)
    throw cannotMute(
      `the snapshot does not hold "${missing}", so that nothing could bring its rows back`,
      'Have the primary capture that table, too, or leave the setting out.',
    );
  return new Set(names);
}

function cannotMute(why: string, hint: string): EngineError {
  return new EngineError('CONFIG_INVALID', `alerts.muted: ${why}`, {hint});
}

/** The table as it would be listed if it had no rows. */
export function emptied(table: ManifestTable): ManifestTable {
  const {pages: _, violations: __, ...rest} = table;
  return {...rest, ...tableContent(shapeOf(table), [])};
}

/**
 * Whatever is asked of it otherwise; rows that are left alone are left alone here, too.
 *
 * @throws {EngineError} `CONFIG_INVALID` where it is off: nothing would bring its rows back.
 */
export function keptEmpty(table: string, policy: EffectivePolicy): EffectivePolicy {
  if (policy.policy === 'off')
    throw cannotMute(
      `"${table}" is off here, so that nothing could bring its rows back`,
      'Give that table another policy (or another preset), or leave the setting out and delete its rows by hand.',
    );
  return {...policy, policy: 'mirror', drift: 'repair', local: []};
}
