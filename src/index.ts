/** The public library API: names only. */
export {capture, type CaptureOptions, type CaptureResult} from './engine/capture.ts';
export type {TableCapture} from './engine/count-changes.ts';
export {checkSchema, type CheckSchemaOptions} from './engine/check-schema.ts';
export type {Blocking, Judgement, Verdict} from './engine/judge.ts';
export type {SchemaDifference} from './schema/differences.ts';
export {
  compatCheck,
  type CompatCheckOptions,
  type CompatCheckResult,
  type CompatFault,
} from './engine/compat-check.ts';
export {compatNew, type CompatNewOptions, type CompatNewResult} from './engine/compat-new.ts';
export type {Draft} from './engine/compat-draft.ts';
export type {LiftedRows, SomeRows} from './engine/compare-lifted.ts';
export type {Declaration, PairProof} from './engine/compat-proof.ts';
export type {DatabasePair} from './engine/compat-sides.ts';
export {
  conflicts,
  resolveConflict,
  type ConflictsOptions,
  type ConflictsResult,
  type ListedConflict,
  type ResolveOptions,
  type ResolveResult,
} from './engine/conflicts.ts';
export type {DiffChange} from './engine/describe-change.ts';
export {diff, type DiffOptions, type DiffResult} from './engine/diff.ts';
export {drift, type DriftChange, type DriftOptions, type DriftResult} from './engine/drift.ts';
export type {Fate} from './engine/drift-fates.ts';
export type {ConflictReport} from './engine/inbox.ts';
export type {ConflictRule, DriftRule, PolicyName, TablePolicy} from './merge/policy.ts';
export type {RowFilter} from './schema/row-filter.ts';
export {doctor, type DoctorResult} from './engine/doctor.ts';
export {drill, type DrillResult} from './engine/drill.ts';
export {resume, type ResumeResult} from './engine/held.ts';
export type {EngineOptions} from './engine/options.ts';
export {replicate, type ReplicateOptions, type ReplicateResult} from './engine/replicate.ts';
export {snapshots, status, type SnapshotListed, type StatusResult} from './engine/status.ts';
export {unmute, type UnmuteResult} from './engine/unmute.ts';
export {undo, type UndoOptions, type UndoResult} from './engine/undo.ts';
export type {Migration, MigrationRun} from './engine/run-migration.ts';
export {
  upgradeCheck,
  type UpgradeCheckOptions,
  type UpgradeCheckResult,
  type Upgraded,
} from './engine/upgrade-check.ts';
export type {Soundness, TableUpgrade, UpgradeReport} from './engine/upgrade-report.ts';
export {
  verify,
  type TableVerified,
  type VerifyOptions,
  type VerifyResult,
} from './engine/verify.ts';
export {
  EngineError,
  EXIT_CODES,
  isEngineError,
  type ErrorCode,
  type ErrorSite,
} from './kernel/errors.ts';
export {noProgress, silentLog, type Log, type LogFields, type Progress} from './kernel/log.ts';
