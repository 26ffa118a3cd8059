/** What one checkpoint asks of the machine, with no training beside it: processor time does not depend on who else computes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeConfig } from '../src/config/make-config.ts'
import { specifyStep } from '../src/config/specification.ts'
import { describeDataset } from '../src/data/datasets/describe-dataset.ts'
import { captureTrainingStep } from '../src/engine/step/training-program.ts'
import { BackgroundSaver } from '../src/train/checkpoint/background-saver.ts'
import { describeModel } from '../src/train/checkpoint/model-description.ts'

export interface CheckpointWork {
  readonly network: string
  /** Of the state: weights, momentum, running averages. */
  readonly bytes: number
  /** Milliseconds of each copy of the state; the replicas rest for as long. */
  readonly copies: readonly number[]
  /** Milliseconds that all threads computed for each checkpoint, in the program and in the system. */
  readonly computed: readonly number[]
}

/** Saves the state of ONE with 3 branches for CIFAR-100 `times` times; one more before goes uncounted. */
export async function measureWork(network: string, times: number): Promise<CheckpointWork> {
  const folder = mkdtempSync(join(tmpdir(), 'checkpoint-work-'))
  const config = await makeConfig(null, { network, dataset: 'cifar100', batch: 2, out: join(folder, 'run') })
  const dataset = await describeDataset(config)
  const { layout } = captureTrainingStep(specifyStep(config, dataset, 1))
  const state = new SharedArrayBuffer(4 * layout.elements)
  new Float32Array(state).fill(0.5)
  const saver = new BackgroundSaver({
    runFolder: config.out,
    layout,
    rule: { keep: 1, stepsPerEpoch: 1 },
    description: describeModel(config, dataset),
  })
  const [copies, computed]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round <= times; round++) {
      const began = performance.now()
      saver.take(state)
      const copied = performance.now() - began
      const before = process.cpuUsage()
      const progress = { epoch: 0, step: round, stepInEpoch: round, seed: 1, best: null, sums: {}, config }
      await saver.save(progress)
      const { user, system } = process.cpuUsage(before)
      // The first starts the thread and brings the copy's memory in.
      if (round === 0) continue
      copies.push(copied)
      computed.push((user + system) / 1000)
    }
  } finally {
    await saver.close()
    rmSync(folder, { recursive: true })
  }
  return { network, bytes: state.byteLength, copies, computed }
}
