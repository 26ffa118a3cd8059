/** How wide the minimum is that a run found: errors of its deployed network at theta + d v (figure 3 of the paper). */

import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset, SplitName } from '../data/datasets/dataset.ts'
import { type StateLayout, viewState } from '../engine/graph/state-layout.ts'
import type { ProbedPoint, ProbedSplit, RobustnessResult } from '../report/robustness-result.ts'
import { loadCheckpoint } from '../train/checkpoint/checkpoint.ts'
import { deployedTensors } from '../train/checkpoint/export.ts'
import { restoreState } from '../train/checkpoint/state-tensors.ts'
import { evaluateSplit } from '../train/evaluation/evaluate-split.ts'
import { checkImages } from '../train/run/same-images.ts'
import { beginRun, openSession, type PreparedRun, type Session } from '../train/run/session.ts'
import { LABEL_TERM, partName } from '../vocabulary/classifiers.ts'
import { drawDirection, moveAlong } from './perturbation.ts'
import { plainNetwork } from './training-cost.ts'

export interface ProbeOptions {
  /** The branch or peer that is deployed. */
  readonly branch: number
  readonly directions: number
  /** d of theta + d v, ascending; 0 is measured once for all directions. */
  readonly distances: readonly number[]
  /** Of the directions. */
  readonly seed: number
  readonly onProgress: (done: number, all: number) => void
  readonly stop: AbortSignal
}

/**
 * Moves the weights of one branch (convolutions, linear layers, scale and shift of batch norm; running averages stay) and
 * evaluates on both splits. Nothing is written; the checkpoint is only read.
 * @param images what is evaluated on
 * @throws UserFault where the checkpoint is not of this configuration or has no such branch
 */
export async function probeMinimum(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  checkpointFolder: string,
  options: ProbeOptions,
): Promise<RobustnessResult | 'interrupted'> {
  const checkpoint = await loadCheckpoint(checkpointFolder)
  const { progress, tensors } = checkpoint
  const { images: own } = await checkImages(config, images, checkpoint, checkpointFolder)
  const plain: RunConfig = { ...plainNetwork(config), rampUp: 0, init: null }
  const model = deployedTensors(tensors.model, options.branch, config.method)
  const { prepared, replicas } = await beginRun(plain, own, 'evaluate', async ({ layout }, state) => {
    restoreState(layout, state, { model, optimizer: untrained(layout) }, checkpointFolder)
  })
  try {
    const session = await openSession(prepared, replicas)
    try {
      const points = await probePoints(prepared, session, options)
      if (points === null) return 'interrupted'
      const { train, test } = prepared.dataset
      const weights = prepared.step.layout.tensors.filter(({ role }) => role === 'weight')
      return {
        run: config.out,
        network: config.network,
        method: config.method,
        dataset: config.dataset,
        step: progress.step,
        branch: options.branch,
        seed: options.seed,
        parameters: weights.reduce((sum, tensor) => sum + viewState(tensor, prepared.state).length, 0),
        images: { train: train.count, test: test.count },
        points,
      }
    } finally {
      await session.close()
    }
  } finally {
    await replicas.stop()
  }
}

/** The plain network is not trained: its optimizer has no state that the checkpoint could have. */
function untrained(layout: StateLayout): Map<string, Float32Array> {
  const states = layout.tensors.filter(({ role }) => role === 'optimizer')
  return new Map(states.map((tensor) => [tensor.name, new Float32Array(tensor.shape.reduce((a, b) => a * b, 1))]))
}

/** @returns null where it was stopped */
async function probePoints(
  prepared: PreparedRun,
  session: Session,
  { directions, distances, seed, onProgress, stop }: ProbeOptions,
): Promise<ProbedPoint[] | null> {
  const weights = prepared.step.layout.tensors.filter(({ role }) => role === 'weight')
  const state = weights.map((tensor) => viewState(tensor, prepared.state))
  const solution = state.map((tensor) => Float32Array.from(tensor))
  const lengths = solution.map(({ length }) => length)
  const away = distances.filter((distance) => distance !== 0)
  const all = 1 + directions * away.length
  const points: ProbedPoint[] = []
  const probe = async (direction: number | null, distance: number) => {
    const splits = { train: await judge(prepared, session, 'train'), test: await judge(prepared, session, 'test') }
    points.push({ direction, distance, ...splits })
    onProgress(points.length, all)
  }
  await probe(null, 0)
  for (let direction = 0; direction < directions; direction++) {
    const vector = drawDirection(lengths, seed, direction)
    for (const distance of away) {
      if (stop.aborted) return null
      moveAlong(state, solution, vector, distance)
      await session.replicas.pushState()
      await probe(direction, distance)
    }
  }
  return points
}

async function judge({ evaluation }: PreparedRun, session: Session, split: SplitName): Promise<ProbedSplit> {
  const { images, sums } = await evaluateSplit({
    ...session,
    split,
    program: evaluation,
    ahead: session.replicas.stepsAhead,
  })
  const sumOf = (name: string) => sums.get(name) ?? Number.NaN
  return {
    error: (100 * (images - sumOf('top1.0'))) / images,
    cross_entropy: sumOf(partName(LABEL_TERM, '0')) / images,
  }
}
