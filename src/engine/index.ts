/**
 * The engine by itself: a training step is captured once as a graph, which is plain data, and an executor runs it. Also what
 * own networks, methods and optimizers are built from.
 * @module native-ensemble/engine
 */
export type {
  CompiledProgram,
  Executor,
  ReplicaPlace,
  RunInputs,
  SharedRunMemory,
} from './executors/executor.ts'
export { createExecutor, type ExecutorChoice } from './executors/executor-choice.ts'
export { forwardFlopsPerImage } from './graph/flops.ts'
export { GraphBuilder, type Initialiser, type Parameter, type Value } from './graph/graph-builder.ts'
export type { TensorType } from './graph/ops/op-definition.ts'
export type { OpAttributes, OpName } from './graph/ops.ts'
export { printProgram } from './graph/print-program.ts'
export type { Program, ProgramNode } from './graph/program.ts'
export { findState, type StateLayout, type StateTensor, viewState } from './graph/state-layout.ts'
export { UpdateArithmetic, type UpdateValue, writeUpdate } from './graph/update-arithmetic.ts'
export type { Method, Objective, Predictions, ScalarName, Targets } from './methods/method.ts'
export { crossEntropy, divergence, scaled, sumOfParts, sumOfScalars } from './methods/objective-parts.ts'
export { type OneOptions, one } from './methods/one.ts'
export { vanilla } from './methods/vanilla.ts'
export { capturePeers, captureWhole } from './methods/whole-networks.ts'
export { findNetwork } from './networks/find-network.ts'
export { drawInitialState } from './networks/initial-weights.ts'
export { Layers } from './networks/layers.ts'
export type { Network } from './networks/network.ts'
export { basicBlock, bottleneckBlock, residualStage } from './networks/residual-blocks.ts'
export { adamw } from './optimizers/adamw.ts'
export { appendUpdate, isVector, type Optimizer, type WeightToUpdate } from './optimizers/optimizer.ts'
export { sgd } from './optimizers/sgd.ts'
export type { StepSpecification } from './step/capture.ts'
export { captureEvaluation } from './step/evaluation-program.ts'
export type { StepOutput } from './step/step-outputs.ts'
export { captureTrainingStep, type TrainingStep } from './step/training-program.ts'
