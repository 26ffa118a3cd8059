/**
 * Augmentation policies: which operations change a training image after its crop and flip, and how much. The numbers are the stream
 * (seed, 'policy', epoch, sample), in torchvision's order of drawing.
 */
import { type RandomStream, randomStream } from '../../../vocabulary/random.ts'
import type { InputSize } from '../augmentation.ts'
import { AUTO_POLICIES } from './auto-policies.ts'
import { autoMagnitudes, BINS, type MagnitudeTable, randMagnitudes, wideMagnitudes } from './magnitudes.ts'
import { OPERATIONS, type OperationName } from './operations.ts'

export type PolicyName = 'none' | 'trivial' | 'rand' | keyof typeof AUTO_POLICIES

export interface PolicyOptions {
  /** `trivial` = TrivialAugmentWide, `rand` = RandAugment, `auto-...` = AutoAugment's for that dataset. */
  readonly augmentPolicy: PolicyName
  /** RandAugment's bin of every operation's magnitude, 0 - 30. */
  readonly augmentMagnitude: number
  /** RandAugment's operations of an image. */
  readonly augmentOps: number
}

/** One operation of an image. */
export interface DrawnOperation {
  readonly name: OperationName
  /** In the operation's unit; 0 where it has none. */
  readonly magnitude: number
}

/** The operations of one image, in their order. */
export type DrawOperations = (epoch: number, draw: number) => readonly DrawnOperation[]

/** @returns null where there is no policy */
export function createDraw(
  { augmentPolicy, augmentMagnitude, augmentOps }: PolicyOptions,
  size: InputSize,
  seed: number,
): DrawOperations | null {
  const stream = (epoch: number, draw: number) => randomStream(seed, 'policy', epoch, draw)
  switch (augmentPolicy) {
    case 'none':
      return null
    case 'trivial': {
      const drawOne = drawFrom(wideMagnitudes())
      return (epoch, draw) => {
        const random = stream(epoch, draw)
        return [drawOne(random, () => random.below(BINS))]
      }
    }
    case 'rand': {
      const drawOne = drawFrom(randMagnitudes(size))
      return (epoch, draw) => {
        const random = stream(epoch, draw)
        return Array.from({ length: augmentOps }, () => drawOne(random, () => augmentMagnitude))
      }
    }
    default: {
      const table = autoMagnitudes(size)
      const pairs = AUTO_POLICIES[augmentPolicy]
      return (epoch, draw) => drawPair(pairs, table, stream(epoch, draw))
    }
  }
}

/** One of the table's operations, each as likely, and its sign. */
function drawFrom(table: MagnitudeTable): (random: RandomStream, bin: () => number) => DrawnOperation {
  const names = [...table.keys()]
  return (random, bin) => {
    const name = names[random.below(names.length)] ?? 'Identity'
    return { name, magnitude: magnitudeOf(table, name, bin(), random.below(2) === 1) }
  }
}

function drawPair(
  pairs: (typeof AUTO_POLICIES)[keyof typeof AUTO_POLICIES],
  table: MagnitudeTable,
  random: RandomStream,
): DrawnOperation[] {
  const pair = pairs[random.below(pairs.length)] ?? []
  const chances = pair.map(() => random.uniform())
  const negated = pair.map(() => random.below(2) === 0)
  return pair.flatMap(([name, probability, bin = 0], place) =>
    (chances[place] ?? 1) < probability
      ? [{ name, magnitude: magnitudeOf(table, name, bin, negated[place] ?? false) }]
      : [],
  )
}

function magnitudeOf(table: MagnitudeTable, name: OperationName, bin: number, negated: boolean): number {
  const { values = [], signed = false } = table.get(name) ?? {}
  const value = values[bin] ?? 0
  return signed && negated ? -value : value
}

/** Changes an image of [height, width, 3] u8 in place. */
export type ApplyPolicy = (pixels: Uint8Array, epoch: number, draw: number) => void

/** @returns null where there is no policy @throws RangeError for images of other than 3 channels */
export function createPolicy(options: PolicyOptions, size: InputSize, seed: number): ApplyPolicy | null {
  const drawOperations = createDraw(options, size, seed)
  if (drawOperations === null) return null
  const { height, width, channels } = size
  if (channels !== 3) throw new RangeError(`Expected 3 channels for an augmentation policy but received ${channels}`)
  const scratch = new Uint8Array(height * width * channels)
  return (pixels, epoch, draw) => {
    const picture = { pixels, scratch, height, width }
    for (const { name, magnitude } of drawOperations(epoch, draw)) OPERATIONS[name](picture, magnitude)
  }
}
