import { readFile } from 'node:fs/promises'
import { one } from '../../src/engine/methods/one.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { sgd } from '../../src/engine/optimizers/sgd.ts'
import type { StepSpecification } from '../../src/engine/step/capture.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { hashed } from './hashed-numbers.ts'

/** Elements of a tensor that were kept, and its largest magnitude. */
interface KeptElements {
  readonly largest: number
  readonly elements: readonly number[]
}

/** A few steps of one of torchvision's networks (scripts/pytorch/torchvision_runs.py); the file's own names. */
export interface TorchvisionRun {
  readonly network: string
  readonly branches: number
  readonly classes: number
  readonly batch: number
  /** Height and width of the images. */
  readonly size: number
  /** Least scale that batch norms begin with; 0.1 where left out. */
  readonly normScale?: number
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
  readonly temperature: number
  /** Of each weight and statistic, in the order of their names' code points. */
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly losses: readonly number[]
  /** Of the first step, but those that are zero but for rounding. */
  readonly gradients: Readonly<Record<string, KeptElements>>
  /** Of each branch after the steps, with running statistics: [batch][classes]. */
  readonly logits: readonly (readonly (readonly number[])[])[]
}

const IMAGE_STREAM = 1000
const PLACE_STREAM = 2000

export async function readTorchvisionRuns(): Promise<ReadonlyMap<string, TorchvisionRun>> {
  const text = await readFile(fixturePath('pytorch/torchvision.json'), 'utf8')
  // Written by our own script and kept beside it: its form is what the type above says.
  const { runs } = JSON.parse(text) as { readonly runs: Readonly<Record<string, TorchvisionRun>> }
  return new Map(Object.entries(runs))
}

export function specificationOfTorchvision(run: TorchvisionRun): StepSpecification {
  const { branches, temperature, size } = run
  return {
    network: findNetwork(run.network, 'auto'),
    method: branches > 1 ? one({ branches, temperature }) : vanilla(),
    classes: run.classes,
    batch: run.batch,
    dtype: 'f32',
    input: { height: size, width: size, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    optimizer: sgd(run),
  }
}

/** The weights that the run began with. */
export function hashedState({ shapes, normScale = 0.1 }: TorchvisionRun): Map<string, Float32Array> {
  const streams = new Map(Object.keys(shapes).map((name, stream) => [name, stream]))
  const values = (name: string): Float64Array => {
    const uniform = hashed(elementCount(shapes[name] ?? []), streams.get(name) ?? -1)
    const dot = name.lastIndexOf('.')
    const [layer, part] = [name.slice(0, dot), name.slice(dot + 1)]
    if (shapes[`${layer}.running_mean`] === undefined) {
      const [out = 0, fanIn = 0, ...kernel] = shapes[`${layer}.weight`] ?? []
      const bound = kernel.length === 2 ? Math.sqrt(6 / (out * elementCount(kernel))) : 1 / Math.sqrt(fanIn)
      return uniform.map((u) => bound * (2 * u - 1))
    }
    switch (part) {
      case 'weight':
        return uniform.map((u) => normScale + normScale * u)
      case 'bias': {
        const scale = values(`${layer}.weight`)
        return uniform.map((u, channel) => (scale[channel] ?? 0) * (1.5 + 2 * u))
      }
      default:
        return uniform.fill(part === 'running_mean' ? 0 : 1)
    }
  }
  return new Map(Object.keys(shapes).map((name) => [name, Float32Array.from(values(name))]))
}

/** Pixels [batch, size, size, 3] and labels. */
export function hashedBatch({ batch, size, classes }: TorchvisionRun): { images: Uint8Array; labels: Int32Array } {
  return {
    images: Uint8Array.from(hashed(batch * size * size * 3, IMAGE_STREAM), (u) => Math.floor(256 * u)),
    labels: Int32Array.from({ length: batch }, (_, row) => row % classes),
  }
}

/** Where the kept elements of the tensor with this place in the list of names lie. */
export function keptPlaces(count: number, elements: number, stream: number): number[] {
  return Array.from(hashed(count, PLACE_STREAM + stream), (u) => Math.floor(u * elements))
}
