import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import type { TrainingStep } from '../../engine/step/training-program.ts'
import type { HostLeader } from '../hosts/host-leader.ts'
import { type BegunRun, beginRun } from './session.ts'

/** What tells images apart: two hosts are to train on the same. */
export function printImages({ description, train, sources }: LoadedDataset): string {
  const files = sources.map(({ sha256 }) => sha256.slice(0, 12)).toSorted()
  return `${train.count} images of ${description.classNames.length} classes (${files.join(', ')})`
}

/**
 * `beginRun` for training, on the other hosts as well: they take their state from this one.
 * @param hosts null where it trains alone
 * @throws UserFault as beginRun, and where a host fails or has other images
 */
export async function beginTraining(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  fill: (step: TrainingStep, state: SharedArrayBuffer) => Promise<void>,
  hosts: HostLeader | null,
): Promise<BegunRun> {
  if (hosts === null) return await beginRun(config, images, 'train', fill)
  const begun = await beginRun(config, images, 'train', fill, await hosts.begin(config))
  const abandon = () => begun.replicas.abandon()
  try {
    if (hosts.failed.aborted) abandon()
    hosts.failed.addEventListener('abort', abandon)
    await hosts.shareState(begun.prepared.state, printImages(begun.prepared.dataset))
    return begun
  } catch (error) {
    abandon()
    await begun.replicas.stop()
    throw error
  }
}
