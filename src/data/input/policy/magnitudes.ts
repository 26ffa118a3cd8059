/** How strong each operation of a policy may be: torchvision's tables (`_augmentation_space`), in f32 as there. */
import type { InputSize } from '../augmentation.ts'
import type { OperationName } from './operations.ts'

export interface Magnitudes {
  /** By bin, from the weakest on; empty for an operation without a magnitude. */
  readonly values: readonly number[]
  /** Whether half of the draws have the other sign. */
  readonly signed: boolean
}

export type MagnitudeTable = ReadonlyMap<OperationName, Magnitudes>

/** Bins of TrivialAugment and RandAugment. */
export const BINS = 31

/** Bins of AutoAugment. */
const AUTO_BINS = 10

const GEOMETRIC = ['ShearX', 'ShearY', 'TranslateX', 'TranslateY', 'Rotate'] as const
const ENHANCING = ['Brightness', 'Color', 'Contrast', 'Sharpness'] as const

interface Limits {
  readonly bins: number
  readonly shear: number
  /** Pixels right and down. */
  readonly translate: readonly [number, number]
  readonly degrees: number
  readonly enhance: number
  /** Most bits that are dropped. */
  readonly bits: number
}

/** The wide search space of "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation" (ICCV 2021). */
export function wideMagnitudes(): MagnitudeTable {
  const limits = { bins: BINS, shear: 0.99, translate: [32, 32], degrees: 135, enhance: 0.99, bits: 6 } as const
  return tableOf(limits, ['Identity'], ['AutoContrast', 'Equalize'])
}

/** Of "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space" (NeurIPS 2020). */
export function randMagnitudes(size: InputSize): MagnitudeTable {
  return tableOf(standardLimits(BINS, size), ['Identity'], ['AutoContrast', 'Equalize'])
}

/** Of "AutoAugment: Learning Augmentation Strategies from Data" (CVPR 2019). */
export function autoMagnitudes(size: InputSize): MagnitudeTable {
  return tableOf(standardLimits(AUTO_BINS, size), [], ['AutoContrast', 'Equalize', 'Invert'])
}

/** Translations were searched for images of 331 pixels. */
function standardLimits(bins: number, { height, width }: InputSize): Limits {
  const part = 150 / 331
  return { bins, shear: 0.3, translate: [part * width, part * height], degrees: 30, enhance: 0.9, bits: 4 }
}

/** In torchvision's order, by which operations are drawn. */
function tableOf(
  { bins, shear, translate, degrees, enhance, bits }: Limits,
  before: readonly OperationName[],
  behind: readonly OperationName[],
): MagnitudeTable {
  const signed = (end: number): Magnitudes => ({ values: linspace(0, end, bins), signed: true })
  const unsigned = (values: readonly number[] = []): Magnitudes => ({ values, signed: false })
  const geometricEnds = [shear, shear, ...translate, degrees]
  const kept = Array.from({ length: bins }, (_, bin) => 8 - Math.round(bin / ((bins - 1) / bits)))
  return new Map<OperationName, Magnitudes>([
    ...before.map((name) => [name, unsigned()] as const),
    ...GEOMETRIC.map((name, place) => [name, signed(geometricEnds[place] ?? 0)] as const),
    ...ENHANCING.map((name) => [name, signed(enhance)] as const),
    ['Posterize', unsigned(kept)],
    ['Solarize', unsigned(linspace(255, 0, bins))],
    ...behind.map((name) => [name, unsigned()] as const),
  ])
}

/** torch.linspace in f32: the first half counted from the start, the second from the end. */
function linspace(start: number, end: number, steps: number): number[] {
  const step = Math.fround((Math.fround(end) - Math.fround(start)) / (steps - 1))
  return Array.from({ length: steps }, (_, place) =>
    place < Math.floor(steps / 2)
      ? Math.fround(start + step * place)
      : Math.fround(Math.fround(end) - step * (steps - 1 - place)),
  )
}
