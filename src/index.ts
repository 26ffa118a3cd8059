/**
 * Trains image classifiers with On-the-fly Native Ensemble distillation: what `native-ensemble` on the command line does, as
 * functions. Nothing prints unless asked, no signal handlers are installed, and the process is never ended.
 * @module native-ensemble
 */
export type {
  Callback,
  CheckpointEvent,
  EpochEvent,
  RunControl,
  RunEvent,
  StartEvent,
  StepEvent,
} from './api/control.ts'
export { type EvaluateOptions, evaluate } from './api/evaluate.ts'
export type { Errors, Evaluation } from './api/evaluation.ts'
export { type FetchOptions, type FetchProgress, fetchDataset, type PublishedName } from './api/fetch.ts'
export {
  type PrepareOptions,
  type PrepareProgress,
  type PrepareResult,
  prepare,
  type ShardFault,
  type VerifyOptions,
  type VerifyProgress,
  type VerifyResult,
  verifyShards,
} from './api/prepare.ts'
export { type ResumeOptions, resume } from './api/resume.ts'
export type { Run } from './api/run.ts'
export type { EvaluationSettings, ResumeSettings, Settings } from './api/settings.ts'
export { type HostChoice, type TrainOptions, train } from './api/train.ts'
export type { ProgressTarget } from './report/progress.ts'
export { UserFault } from './vocabulary/fault.ts'
