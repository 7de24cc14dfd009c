/** The policies of a case as the library takes them. */
import type {EngineOptions} from '../../../src/index.ts';
import {holds, policyOf, type PolicyCase, type PolicySpec} from './cases.ts';

type Policies = NonNullable<EngineOptions['policies']>;
type TablePolicy = Policies extends ReadonlyMap<string, infer T> ? T : never;

export function enginePolicies(made: PolicyCase, side: 'primary' | 'replica'): Policies {
  return new Map(
    made.tables
      .filter(({replicated}) => replicated)
      .map(({name}) => [name, settingsOf(policyOf(made, name), side)]),
  );
}

function settingsOf(spec: PolicySpec, side: 'primary' | 'replica'): TablePolicy {
  const {policy, onConflict, drift, local, where, ownKeys, at} = spec;
  if (policy === 'off') return {policy: holds(at, side) ? 'off' : 'mirror'};
  const isAsked = where !== undefined && holds(where.at, side);
  const values = where?.values.map(constantOf) ?? [];
  const test = where?.isNot === true ? {not: values} : {in: values};
  return {
    policy,
    ...(onConflict === undefined ? {} : {onConflict}),
    ...(drift === undefined ? {} : {drift}),
    ...(local.length === 0 ? {} : {local}),
    ...(isAsked ? {where: [{column: where.column, ...test}]} : {}),
    ...(ownKeys === undefined || side === 'primary' ? {} : {ownKeys}),
  };
}

/** An SQL literal as a constant of a configuration. */
function constantOf(text: string): string | number | null {
  if (text === 'NULL') return null;
  return text.startsWith("'") ? text.slice(1, -1) : Number(text);
}
