/** All cases, by theme. */
import type {Case, Theme} from './case.ts';
import {declarations} from './cases/declarations.ts';
import {identity} from './cases/identity.ts';
import {keys} from './cases/keys.ts';
import {oneDifference} from './cases/one-difference.ts';
import {references} from './cases/references.ts';
import {triggers} from './cases/triggers.ts';
import {unique} from './cases/unique.ts';
import {values} from './cases/values.ts';

export const themes: readonly Theme[] = [
  oneDifference,
  identity,
  keys,
  values,
  declarations,
  unique,
  references,
  triggers,
];

export const corpus: readonly Case[] = themes.flatMap(({cases}) => cases);
