/** Snapshot Ensemble's members: saved at the end of each cycle, evaluated together. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunConfig } from '../../config/run-config.ts'
import type { SplitName } from '../../data/datasets/dataset.ts'
import { layOutState } from '../../engine/graph/state-layout.ts'
import { takesSnapshots } from '../../engine/methods/registry.ts'
import { snapshotEnsemble, snapshotScope } from '../../engine/methods/snapshot.ts'
import { captureEvaluation } from '../../engine/step/evaluation-program.ts'
import type { EvalLine } from '../../report/metrics.ts'
import { withRemedy } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { makeFolder } from '../../vocabulary/make-folder.ts'
import { describeDeployed, describeModel, descriptionMetadata } from '../checkpoint/model-description.ts'
import { readSafetensors, writeSafetensors } from '../checkpoint/safetensors.ts'
import { loadWeights, snapshotState } from '../checkpoint/state-tensors.ts'
import { errorRates, evaluateSplit } from '../evaluation/evaluate-split.ts'
import { ReplicaGroup } from '../replicas/replica-group.ts'
import { cycleEnds } from './schedule.ts'
import { executorChoice, type PreparedRun, type Session } from './session.ts'

/** Snapshots are written once: only a copy has the same numbers. */
const AGAIN = 'Take the snapshots of this run from a copy, or train it anew.'

/** Whether an epoch, counted from 0, ends a cycle. Never for methods that take no snapshots. */
export function endsCycle(config: RunConfig, epoch: number): boolean {
  return takesSnapshots(config.method) && cycleEnds(config).includes(epoch + 1)
}

/** Snapshots that there are after so many whole epochs. */
export function snapshotsTaken(config: RunConfig, epochs: number): number {
  return takesSnapshots(config.method) ? cycleEnds(config).filter((end) => end <= epochs).length : 0
}

/** `<run>/snapshots/snapshot-<i>.safetensors`: a plain network that PyTorch's `load_state_dict` takes. */
function snapshotFile({ out }: RunConfig, member: number): string {
  return join(out, 'snapshots', `snapshot-${member}.safetensors`)
}

/**
 * Saves the weights of now as the snapshot of the cycle that `epoch` ends. A run that was stopped and goes on from before
 * writes the same again.
 * @throws UserFault where the file cannot be written
 */
export async function saveSnapshot({ config, step, state, dataset }: PreparedRun, epoch: number): Promise<void> {
  const path = snapshotFile(config, snapshotsTaken(config, epoch + 1) - 1)
  try {
    await makeFolder(join(config.out, 'snapshots'))
    const description = describeDeployed(describeModel(config, dataset.description), 0)
    const metadata = { format: 'pt', ...descriptionMetadata(description) }
    await writeSafetensors(`${path}.tmp`, snapshotState(step.layout, state).model, metadata)
    await rename(`${path}.tmp`, path)
  } catch (error) {
    await rm(`${path}.tmp`, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'save a snapshot in', path)
  }
}

/**
 * Checks before anything is trained or evaluated that the first `count` snapshots are there and whole.
 * @throws UserFault that names the file that is not
 */
export async function checkSnapshots(config: RunConfig, count: number): Promise<void> {
  for (let member = 0; member < count; member++) await readSnapshot(config, member)
}

/**
 * Errors of the ensemble of the first `count` snapshots, the mean of their probabilities, put into an evaluation of the
 * network as it is now.
 * @throws EvaluationStopped
 */
export async function withSnapshotEnsemble(
  prepared: PreparedRun,
  { pipeline, stop }: Pick<Session, 'pipeline'> & { readonly stop?: AbortSignal },
  split: SplitName,
  count: number,
  line: EvalLine,
): Promise<EvalLine> {
  const { config, specification, replicas, ring } = prepared
  const program = captureEvaluation({ ...specification, method: snapshotEnsemble(count) })
  const shapes = program.states.map(({ name, value }) => ({ name, shape: program.values[value]?.shape ?? [] }))
  const layout = layOutState([], [], shapes)
  const state = new SharedArrayBuffer(4 * layout.elements)
  loadWeights(layout.tensors, await readSnapshots(config, count), state, join(config.out, 'snapshots'), AGAIN)
  const programs = { train: program, evaluate: program }
  const executor = executorChoice(config)
  const group = await ReplicaGroup.start({ executor, replicas, programs, first: 'evaluate', layout, state, ring })
  try {
    const result = await evaluateSplit({
      ...(stop && { stop }),
      pipeline,
      replicas: group,
      split,
      program,
      ahead: group.stepsAhead,
    })
    return {
      ...line,
      top1_error: { ...line.top1_error, teacher: errorRates(result, 'top1').teacher },
      top5_error: { ...line.top5_error, teacher: errorRates(result, 'top5').teacher },
    }
  } finally {
    await group.stop()
  }
}

/** Weights of the first `count` snapshots, under the names that they have in the ensemble. @throws UserFault as checkSnapshots */
export async function readSnapshots(config: RunConfig, count: number) {
  const members = Array.from({ length: count }, async (_, member) => {
    const tensors = await readSnapshot(config, member)
    return tensors.map((tensor) => ({ ...tensor, name: `${snapshotScope(member)}.${tensor.name}` }))
  })
  return (await Promise.all(members)).flat()
}

async function readSnapshot(config: RunConfig, member: number) {
  try {
    return await readSafetensors(snapshotFile(config, member))
  } catch (error) {
    throw withRemedy(error, AGAIN)
  }
}
