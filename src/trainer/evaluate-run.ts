import { loadCheckpoint } from '../checkpoint/checkpoint.ts'
import { restoreState } from '../checkpoint/state-tensors.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset, SplitName } from '../datasets/dataset.ts'
import { InputPipeline } from '../input/pipeline.ts'
import type { EvalLine } from '../report/metrics.ts'
import { evaluateState } from './evaluate-state.ts'
import { beginRun, openSession } from './session.ts'
import { checkSnapshots, snapshotsTaken, withSnapshotEnsemble } from './snapshots.ts'
import { planTimetable } from './timetable.ts'

/** Errors of a checkpoint on a whole split. @throws UserFault where the checkpoint is not of this configuration */
export async function evaluateRun(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  checkpointFolder: string,
  split: SplitName,
): Promise<EvalLine> {
  const { progress, tensors } = await loadCheckpoint(checkpointFolder)
  const taken = snapshotsTaken(config, progress.epoch)
  await checkSnapshots(config, taken)
  const { prepared, replicas } = await beginRun(config, images, 'evaluate', async ({ layout }, state) => {
    restoreState(layout, state, tensors, checkpointFolder)
  })
  try {
    const stepsPerEpoch = InputPipeline.batches(prepared.dataset.train, config.batch, 'drop')
    const { step, epoch } = progress
    const lr = planTimetable(config, stepsPerEpoch, prepared.dataset.description).learningRate(Math.max(0, step - 1))
    const session = await openSession(prepared, replicas)
    try {
      const line = await evaluateState(prepared, session, split, { step, epoch, lr })
      return taken > 0 ? await withSnapshotEnsemble(prepared, session, split, taken, line) : line
    } finally {
      await session.close()
    }
  } finally {
    await replicas.stop()
  }
}
