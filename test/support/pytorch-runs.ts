import { readFile } from 'node:fs/promises'
import type { ImageSplit } from '../../src/data/datasets/dataset.ts'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { clIlr } from '../../src/engine/methods/cl-ilr.ts'
import { dkd } from '../../src/engine/methods/dkd.ts'
import { dml } from '../../src/engine/methods/dml.ts'
import { ensemble } from '../../src/engine/methods/ensemble.ts'
import { kd } from '../../src/engine/methods/kd.ts'
import { kdcl } from '../../src/engine/methods/kdcl.ts'
import type { Method } from '../../src/engine/methods/method.ts'
import { okddip } from '../../src/engine/methods/okddip.ts'
import { one } from '../../src/engine/methods/one.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import { parseWeightGroups } from '../../src/engine/optimizers/weight-groups.ts'
import type { StepSpecification } from '../../src/engine/step/capture.ts'
import { fixturePath } from '../fixtures-folder.ts'

/** One training run that PyTorch made (scripts/pytorch/reference_run.py); the file's own names. */
export interface PyTorchRun {
  readonly config: {
    readonly network: string
    readonly block: 'auto' | 'basic' | 'bottleneck'
    readonly method: 'one' | 'vanilla' | 'dml' | 'kd' | 'dkd' | 'okddip' | 'cl-ilr' | 'kdcl' | 'ensemble'
    readonly distill?: 'off'
    readonly share?: 'none'
    readonly gate?: 'average'
    readonly peers?: string
    readonly teacherNetwork?: string
    readonly alpha?: number
    readonly dkdAlpha?: number
    readonly dkdBeta?: number
    readonly kdclTarget?: 'naive' | 'min-logit'
    readonly branches: number
    readonly classes: number
    readonly batch: number
    readonly learningRate: number
    readonly momentum: number
    readonly weightDecay: number
    readonly noDecay?: string
    readonly labelSmoothing?: number
    readonly clipNorm?: number
    readonly temperature: number
    readonly distillationWeight: number
    readonly mean: readonly number[]
    readonly std: readonly number[]
  }
  readonly steps: readonly {
    readonly total: number
    readonly crossEntropy: readonly number[]
    readonly teacherCrossEntropy: number | null
    readonly distillation: number | null
  }[]
  readonly evaluation: {
    readonly images: number
    readonly top1Errors: readonly number[]
    readonly top5Errors: readonly number[]
    readonly teacherTop1Errors: number | null
    readonly teacherTop5Errors: number | null
    readonly shownImages: number
    readonly logits: readonly (readonly number[])[][]
    readonly teacherLogits: readonly (readonly number[])[] | null
  }
}

export const PYTORCH_RUNS = [
  'one-resnet8',
  'one-resnet8-bottleneck',
  'vanilla-resnet8',
  'one-resnext11',
  'one-densenet16',
  'vanilla-densenet10',
  'one-wrn10',
  'vanilla-wrn16',
  'one-undistilled',
  'one-unshared',
  'one-ungated',
  'one-ingredients',
  'dml-densenets',
  'kd-densenet10',
  'dkd-densenet10',
  'okddip-densenet10',
  'okddip-networks',
  'cl-ilr-densenet10',
  'kdcl-naive',
  'kdcl-min-logit',
  'ensemble-densenets',
] as const

export async function readPyTorchRun(name: (typeof PYTORCH_RUNS)[number]): Promise<PyTorchRun> {
  // Written by our own script and kept beside it: its form is what the type above says.
  return JSON.parse(await readFile(fixturePath(`pytorch/${name}.json`), 'utf8')) as PyTorchRun
}

/** The same network, method and optimiser as a step of ours. */
export function specificationOf({ config }: PyTorchRun): StepSpecification {
  return {
    network: findNetwork(config.network, config.block),
    method: methodOf(config),
    classes: config.classes,
    batch: config.batch,
    dtype: 'f32',
    input: { height: 32, width: 32, channels: 3, mean: config.mean, std: config.std },
    optimizer: sgd(config),
    smoothing: config.labelSmoothing ?? 0,
    ...(config.clipNorm !== undefined && { clipNorm: config.clipNorm }),
    apart: { groups: parseWeightGroups(config.noDecay ?? 'none') ?? [], optimizer: sgd({ ...config, weightDecay: 0 }) },
  }
}

function methodOf({ method, branches, temperature, ...config }: PyTorchRun['config']): Method {
  const networks = (names: string) => names.split(',').map((name) => findNetwork(name, config.block))
  switch (method) {
    case 'vanilla':
      return vanilla()
    case 'one': {
      const { distill = 'on', share = 'low', gate = 'learned' } = config
      return one({ branches, temperature, distill, share, gate })
    }
    case 'dml':
      return dml(networks(config.peers ?? ''))
    case 'ensemble':
      return ensemble(networks(config.peers ?? ''))
    case 'cl-ilr': {
      const { alpha = 0.5 } = config
      return clIlr({ branches, alpha, temperature })
    }
    case 'kdcl': {
      const { peers = '', kdclTarget = 'min-logit' } = config
      return kdcl(networks(peers), { temperature, kdclTarget })
    }
    case 'okddip':
      return okddip({ branches, temperature, share: config.share ?? 'low' })
    case 'dkd': {
      const [teacher] = networks(config.teacherNetwork ?? '')
      if (teacher === undefined) throw new Error('Expected a teacher in the run of dkd')
      const { dkdAlpha = 1, dkdBeta = 8 } = config
      return dkd({ teacher, dkdAlpha, dkdBeta, temperature })
    }
    case 'kd': {
      const [teacher] = networks(config.teacherNetwork ?? '')
      if (teacher === undefined || config.alpha === undefined) throw new Error('Expected a teacher in the run of kd')
      return kd({ teacher, alpha: config.alpha, temperature })
    }
  }
}

/** The images that PyTorch was given. */
export async function readRunImages(): Promise<{ readonly train: ImageSplit; readonly test: ImageSplit }> {
  return loadDataset('cifar10', fixturePath('pytorch/tiny-cifar-10-binary.tar.gz'))
}

/** Images `first` .. as a program reads them: [batch, height, width, views x channels], missing rows of label -1. */
export function batchOf(
  split: ImageSplit,
  first: number,
  batch: number,
  views = 1,
): { images: Uint8Array; labels: Int32Array } {
  const { height, width, channels } = split
  const [source, classes] = [new Uint8Array(split.images), new Int32Array(split.labels)]
  const area = height * width
  const images = new Uint8Array(batch * area * channels * views)
  const labels = new Int32Array(batch).fill(-1)
  for (let row = 0; row < Math.min(batch, split.count - first); row++) {
    labels[row] = classes[first + row] ?? -1
    for (let channel = 0; channel < channels; channel++) {
      for (let place = 0; place < area; place++) {
        const pixel = source[((first + row) * channels + channel) * area + place] ?? 0
        for (let view = 0; view < views; view++) {
          images[((row * area + place) * views + view) * channels + channel] = pixel
        }
      }
    }
  }
  return { images, labels }
}
