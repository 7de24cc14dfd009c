/** What the service and the thread of its engine say to each other. */
import type {EngineOptions} from '../engine/options.ts';
import {EngineError, type ErrorCode, type ErrorSite} from '../kernel/errors.ts';
import type {Log, LogFields} from '../kernel/log.ts';
import type {Role} from './status.ts';

export type ThreadData = {
  readonly role: Role;
  /** What can be copied to another thread. */
  readonly options: Omit<EngineOptions, 'log' | 'progress' | 'signal'>;
};

export type Request =
  | {readonly id: number; readonly name: string; readonly args: readonly unknown[]}
  /** The call shall end as soon as that is safe. */
  | {readonly id: number; readonly stop: true};

export type Answer =
  | {readonly id: number; readonly result: unknown}
  | {readonly id: number; readonly error: ErrorText | Error}
  | {readonly log: keyof Log; readonly message: string; readonly fields: LogFields | undefined};

/** An EngineError as it is copied: a class does not come along. */
type ErrorText = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly site: ErrorSite;
  readonly hint: string | undefined;
  readonly retryable: boolean;
};

export function textOf(error: unknown): ErrorText | Error {
  if (error instanceof EngineError) {
    const {code, message, site, hint, retryable} = error;
    return {code, message, site, hint, retryable};
  }
  return error instanceof Error ? error : new Error(String(error));
}

export function errorOf(text: ErrorText | Error): Error {
  if (text instanceof Error) return text;
  const {code, message, ...details} = text;
  return new EngineError(code, message, details);
}
