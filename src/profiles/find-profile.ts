/** The profiles, and how one is found. */
import {EngineError} from '../kernel/errors.ts';
import type {DatabaseSchema} from '../schema/table-schema.ts';
import type {Profile} from './profile.ts';
import {recordedMigrations} from './migration-records.ts';
import {uptimeKuma} from './uptime-kuma/profile.ts';

/** It names a folder, so it must not lead out of one. */
export const APPLICATION_NAME: RegExp = /^\w[\w.-]{0,99}$/;

const PROFILES: readonly Profile[] = [uptimeKuma];

/** The profile of this name. @throws {EngineError} `PROFILE_NOT_FOUND`. */
export function profileNamed(name: string): Profile {
  const profile = PROFILES.find((candidate) => candidate.name === name);
  if (profile !== undefined) return profile;
  throw new EngineError('PROFILE_NOT_FOUND', `there is no profile "${name}"`, {
    hint: `Known profiles: ${PROFILES.map((candidate) => candidate.name).join(', ')}.`,
  });
}

/** Those that may be meant while there is no schema yet: the one that is named, else all. @throws {EngineError} `PROFILE_NOT_FOUND`. */
export function profilesMeant(name: string | undefined): readonly Profile[] {
  return name === undefined ? PROFILES : [profileNamed(name)];
}

/** The profile that recognises the schema, if any. */
export function recognise(schema: DatabaseSchema): Profile | undefined {
  return PROFILES.find((profile) => profile.recognises(schema));
}

/** What there is to know of an application: its profile, or else its name alone, under which its compat steps are kept. */
export function applicationNamed(name: string): Profile {
  const known = PROFILES.find((profile) => profile.name === name);
  if (known !== undefined) return known;
  return {
    name,
    recognises: () => true,
    tables: [],
    presets: {},
    local: [],
    version: recordedMigrations,
    findings: async () => [],
  };
}
