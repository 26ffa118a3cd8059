import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset, SplitName } from '../../data/datasets/dataset.ts'
import { InputPipeline } from '../../data/input/pipeline.ts'
import type { EvalLine } from '../../report/metrics.ts'
import { averagedWeights } from '../checkpoint/averaged-weights.ts'
import { loadCheckpoint } from '../checkpoint/checkpoint.ts'
import { restoreState } from '../checkpoint/state-tensors.ts'
import { evaluateState } from './evaluate-state.ts'
import { checkImages } from './same-images.ts'
import { beginRun, openSession } from './session.ts'
import { checkSnapshots, snapshotsTaken, withSnapshotEnsemble } from './snapshots.ts'
import { planTimetable } from './timetable.ts'

/**
 * Errors of a checkpoint on a whole split.
 * @param ema whether of the moving average of its weights
 * @throws UserFault where the checkpoint is not of this configuration and images; EvaluationStopped
 */
export async function evaluateRun(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  checkpointFolder: string,
  split: SplitName,
  { stop, ema = false }: { readonly stop?: AbortSignal | undefined; readonly ema?: boolean } = {},
): Promise<EvalLine> {
  const checkpoint = await loadCheckpoint(checkpointFolder)
  const { progress, tensors } = checkpoint
  const taken = snapshotsTaken(config, progress.epoch)
  await checkSnapshots(config, taken)
  const { images: own } = await checkImages(config, images, checkpoint, checkpointFolder)
  const { prepared, replicas } = await beginRun(config, own, 'evaluate', async ({ layout }, state) => {
    restoreState(layout, state, ema ? averagedWeights(tensors, checkpointFolder) : tensors, checkpointFolder)
  })
  try {
    const stepsPerEpoch = InputPipeline.batches(prepared.dataset.train, config.batch, 'drop')
    const { step, epoch } = progress
    const lr = planTimetable(config, stepsPerEpoch, prepared.dataset.description).learningRate(Math.max(0, step - 1))
    const session = await openSession(prepared, replicas)
    try {
      const line = await evaluateState(prepared, session, split, { step, epoch, lr, ...(stop && { stop }) })
      return taken > 0 ? await withSnapshotEnsemble(prepared, session, split, taken, line) : line
    } finally {
      await session.close()
    }
  } finally {
    await replicas.stop()
  }
}
