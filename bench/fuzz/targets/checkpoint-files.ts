/** The two files of a checkpoint, each read with the other whole; and an export of one of its branches. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WITHOUT_METHOD } from '../../../src/config/defaults.ts'
import {
  type Checkpoint,
  checkpointFolder,
  loadCheckpoint,
  MODEL_FILE,
  STATE_FILE,
  saveCheckpoint,
} from '../../../src/train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../../src/train/checkpoint/export.ts'
import { type ModelDescription, readDescription } from '../../../src/train/checkpoint/model-description.ts'
import { readSafetensorsFile, type StoredTensor } from '../../../src/train/checkpoint/safetensors.ts'
import { checkpointAt } from '../../../test/checkpoint/small-run.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'
import { inScratch } from '../scratch.ts'

const DESCRIPTION: ModelDescription = {
  dataset: 'image-folder',
  classNames: ['ant', 'bee "b"', 'Käfer', 'd'],
  height: 32,
  width: 32,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  architecture: { ...WITHOUT_METHOD, network: 'resnet-8', block: 'auto', method: 'one', branches: 2 },
}
const CHECKPOINT: Checkpoint = { ...checkpointAt(12, { step: 10, error: 4.5 }), description: DESCRIPTION }

export const CHECKPOINT_MODEL_TARGET = checkpointTarget('checkpoint-model', MODEL_FILE)
export const CHECKPOINT_STATE_TARGET = checkpointTarget('checkpoint-state', STATE_FILE)

function checkpointTarget(name: string, file: string): FuzzTarget {
  return {
    name,
    file,
    samples: () => inScratch(async (folder) => [readFileSync(join(await saveCheckpoint(folder, CHECKPOINT, 1), file))]),
    async read(bytes, scratch) {
      const folder = checkpointFolder(scratch, CHECKPOINT.progress.step)
      if (!existsSync(folder)) await saveCheckpoint(scratch, CHECKPOINT, 1)
      writeFileSync(join(folder, file), bytes)
      const { progress, tensors, description } = await loadCheckpoint(folder)
      const states = [...tensors.optimizer].flatMap(([name, data]) => [name, bytesOf(data)])
      return fingerprint([JSON.stringify(progress), JSON.stringify(description), ...states, ...partsOf(tensors.model)])
    },
  }
}

export const EXPORT_TARGET: FuzzTarget = {
  name: 'export',
  file: 'branch.safetensors',
  samples: () =>
    inScratch(async (folder) => {
      const out = join(folder, 'branch.safetensors')
      await exportBranch(await saveCheckpoint(folder, CHECKPOINT, 1), 1, out)
      return [readFileSync(out)]
    }),
  async read(bytes, scratch) {
    const path = join(scratch, 'branch.safetensors')
    writeFileSync(path, bytes)
    const { tensors, metadata } = await readSafetensorsFile(path)
    const description = readDescription(metadata, path)
    return fingerprint([JSON.stringify(description), metadata['origin'] ?? '', ...partsOf(tensors)])
  },
}

function partsOf(tensors: readonly Pick<StoredTensor, 'name' | 'shape' | 'data'>[]): (string | Uint8Array)[] {
  return tensors.flatMap(({ name, shape, data }) => [name, shape.join('x'), bytesOf(data)])
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
