/** The ratios that issues 4 (on CPUs) and 7 (on GPUs) ask for, computed from one run of the step benchmark. */
import type { ModeFigures } from './step-report.ts'

export interface TargetRatio {
  readonly what: string
  readonly value: number
  /** null where the ratio is only told. */
  readonly target: { readonly relation: '>=' | '<='; readonly bound: number } | null
}

const PRECISIONS = ['fp32', 'bf16'] as const
type Precision = (typeof PRECISIONS)[number]

const atLeast = (bound: number) => ({ relation: '>=', bound }) as const
const atMost = (bound: number) => ({ relation: '<=', bound }) as const

/** Images a second against PyTorch's best mode. */
function torchTarget(network: string, precision: Precision): number {
  if (network === 'resnet-32') return precision === 'fp32' ? 1.5 : 1.7
  return precision === 'fp32' ? 1.3 : 1.4
}

/** Every ratio whose two sides were measured. */
export function targetRatios(network: string, figures: readonly ModeFigures[]): TargetRatio[] {
  const find = (baseline: string, mode: string) => figures.find((row) => row.baseline === baseline && row.mode === mode)
  const fastest = (baseline: string, precision: Precision) =>
    figures
      .filter((row) => row.baseline === baseline && row.precision === precision)
      .toSorted((left, right) => left.medianMs - right.medianMs)[0]
  const tfjs = figures.find(({ baseline }) => baseline === 'tfjs-node')
  return PRECISIONS.flatMap((precision) => {
    const ratios: TargetRatio[] = []
    const best = fastest('torch', precision)
    const xla = find('xla', precision)
    if (xla !== undefined) {
      // 5 % behind the best counts as level on ImageNet's networks.
      const onImageNet = network.startsWith('imagenet-')
      const jax = fastest('jax', precision)
      const level = atLeast(onImageNet ? 0.95 : 1)
      if (jax !== undefined) {
        ratios.push({
          what: `${precision}: xla's images/s against JAX`,
          value: jax.medianMs / xla.medianMs,
          target: level,
        })
      }
      if (best !== undefined) {
        const what = `${precision}: xla's images/s against PyTorch's best mode, ${best.mode}`
        ratios.push({ what, value: best.medianMs / xla.medianMs, target: atLeast(onImageNet ? 0.95 : 1.3) })
      }
    }
    const own = find('own', precision)
    if (own === undefined) return ratios
    if (best !== undefined) {
      const speed = best.medianMs / own.medianMs
      const target = atLeast(torchTarget(network, precision))
      ratios.push({ what: `${precision}: images/s against PyTorch's best mode, ${best.mode}`, value: speed, target })
      const memory = own.peakRssBytes / best.peakRssBytes
      ratios.push({ what: `${precision}: peak memory against that mode's`, value: memory, target: atMost(0.6) })
    }
    const before = find('before', precision)
    if (before !== undefined) {
      const what = `${precision}: images/s against the checkout before`
      ratios.push({ what, value: before.medianMs / own.medianMs, target: atLeast(0.98) })
    }
    if (tfjs !== undefined) {
      const target = atLeast(precision === 'fp32' ? 5 : 9)
      const value = tfjs.medianMs / own.medianMs
      ratios.push({ what: `${precision}: images/s against tfjs-node (${tfjs.mode})`, value, target })
    }
    if (own.convolutionShare !== null) {
      const value = 1 / own.convolutionShare
      ratios.push({ what: `${precision}: step time / its own convolutions`, value, target: atMost(1.2) })
    }
    const replicas = find('own', `${precision}-2-replicas`)
    if (replicas !== undefined) {
      const what = `${precision}: time of one replica of all cores / two replicas of half of them`
      ratios.push({ what, value: own.medianMs / replicas.medianMs, target: atMost(1.05) })
    }
    const evaluation = find('own', `${precision}-evaluation`)
    if (evaluation !== undefined) {
      const value = own.medianMs / evaluation.medianMs
      ratios.push({ what: `${precision}: images/s of evaluation / of training`, value, target: atLeast(2.5) })
    }
    const direct = find('own', `${precision}-direct`)
    if (direct !== undefined) {
      const what = `${precision}: images/s with our 3x3 convolutions / with oneDNN's direct ones`
      ratios.push({ what, value: direct.medianMs / own.medianMs, target: null })
    }
    const kept = find('own', `${precision}-kept`)
    if (kept !== undefined) {
      const what = `${precision}: images/s with memory saved / with every value kept`
      ratios.push({ what, value: kept.medianMs / own.medianMs, target: null })
    }
    return ratios
  })
}

export function isReached({ value, target }: TargetRatio): boolean {
  if (target === null) return true
  return target.relation === '>=' ? value >= target.bound : value <= target.bound
}

/** A list in Markdown, a line for each ratio. */
export function printTargets(ratios: readonly TargetRatio[]): string {
  return ratios
    .map((ratio) => {
      const { what, value, target } = ratio
      const aim =
        target === null
          ? ''
          : ` (target ${target.relation} ${target.bound}: ${isReached(ratio) ? 'reached' : 'missed'})`
      return `- ${what}: ${value.toFixed(2)}${aim}`
    })
    .join('\n')
}
