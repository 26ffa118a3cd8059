/**
 * Trains image classifiers with On-the-fly Native Ensemble distillation: what `native-ensemble` on the command line does, as
 * functions. Nothing prints unless asked, no signal handlers are installed, and the process is never ended.
 * @module native-ensemble
 */

export {
  type Choice,
  cifar10,
  cifar100,
  cl,
  clIlr,
  dkd,
  dml,
  ensemble,
  fashionMnist,
  imageFolder,
  imageNet,
  kd,
  kdcl,
  okddip,
  one,
  snapshot,
  vanilla,
} from './api/choices.ts'
export type {
  Callback,
  CheckpointEvent,
  EpochEvent,
  RunControl,
  RunEvent,
  StartEvent,
  StepEvent,
} from './api/control.ts'
export {
  type AugmentationReference,
  defineAugmentation,
  defineDataset,
  defineMethod,
  defineNetwork,
  defineOptimizer,
} from './api/define.ts'
export { type EvaluateOptions, evaluate } from './api/evaluate.ts'
export type { Errors, Evaluation } from './api/evaluation.ts'
export { type ExportOptions, exportModel } from './api/export.ts'
export { type FetchOptions, fetchDataset } from './api/fetch.ts'
export { type PrepareOptions, prepare, type VerifyOptions, verifyShards } from './api/prepare.ts'
export { type ResumeOptions, resume } from './api/resume.ts'
export type { Run } from './api/run.ts'
export type { EvaluationSettings, OwnSettings, ResumeSettings, Settings } from './api/settings.ts'
export { type HostChoice, type TrainOptions, train } from './api/train.ts'
export type { FetchProgress } from './data/datasets/download.ts'
export type { ArrayImages, FileImages, OwnDataset, OwnImages } from './data/datasets/own-dataset.ts'
export type { PrepareProgress, PrepareResult } from './data/datasets/prepare/prepare-shards.ts'
export type { ShardFault, VerifyProgress, VerifyResult } from './data/datasets/verify-shards.ts'
export type { DecodedImage } from './data/images/decoded-image.ts'
export type { Decode } from './data/input/file-writer.ts'
export type { AugmentedImage, OwnAugmentation } from './data/input/own-augmentation.ts'
export type { ExportFormat } from './deploy/export/export-formats.ts'
export type { Exported } from './deploy/export/export-model.ts'
export type { RawPixels } from './deploy/model/classify-task.ts'
export type { MemberChoice } from './deploy/model/open-model.ts'
export type { Prediction } from './deploy/model/predictions.ts'
export {
  type ClassifyOptions,
  type ImageInput,
  type ImageResult,
  loadModel,
  Model,
  type ModelOptions,
} from './deploy/model.ts'
export type { MethodSettings } from './engine/methods/method-definition.ts'
export type { CapturedMethod, OwnMethod } from './engine/methods/own-methods.ts'
export type { Network } from './engine/networks/network.ts'
export type { OwnOptimizer } from './engine/optimizers/own-optimizers.ts'
export type { ProgressTarget } from './report/progress.ts'
export type { PublishedName } from './vocabulary/dataset-name.ts'
export { UserFault } from './vocabulary/fault.ts'
export type { RandomStream } from './vocabulary/random.ts'
