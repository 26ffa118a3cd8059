/** Our own comparison of the paper's methods, on images that can be had: ResNet-14 on Fashion-MNIST. */
import type { Recipe, RecipeSettings } from '../recipe.ts'

/** The paper's optimiser, schedule and augmentation, with fewer epochs; one schedule for all methods. */
const COMMON = { network: 'resnet-14', dataset: 'fashion-mnist', precision: 'bf16' } as const satisfies RecipeSettings

/** Sets of runs that are compared with each other: how many images, for how long. */
export const EVIDENCE_SETS = {
  fashion: { settings: { epochs: 15 }, images: 'all 60,000 images, 15 epochs' },
  'fashion-10-percent': {
    settings: { trainFraction: 0.1, epochs: 30, evaluateEvery: 5 },
    images: '6,000 images, 30 epochs',
  },
} as const satisfies Readonly<Record<string, { settings: RecipeSettings; images: string }>>

interface Row {
  readonly method: string
  readonly settings: RecipeSettings
  readonly figure: 'branches' | 'teacher'
  /** The paper's error on CIFAR-100, percent, of ResNet-32 where it has one, else of ResNet-110. */
  readonly cifar100: readonly [error: number, depth: 32 | 110]
}

const rowOf =
  (figure: Row['figure']) =>
  (method: string, settings: RecipeSettings, error: number, depth: 32 | 110 = 32): Row => ({
    method,
    settings,
    figure,
    cifar100: [error, depth],
  })
const branches = rowOf('branches')
const teacher = rowOf('teacher')

const NO_DISTILLATION = { method: 'one', distill: 'off' } as const
const NO_SHARING = { method: 'one', share: 'none' } as const
const NO_GATING = { method: 'one', gate: 'average' } as const

/** Rows of each set, in the order of its table; rows of equal settings are two views of the same runs. */
const METHODS: Readonly<Record<string, Row>> = {
  vanilla: branches('vanilla network', { method: 'vanilla' }, 31.18),
  one: branches('ONE', { method: 'one' }, 26.61),
  'one-e': teacher('ONE-E', { method: 'one' }, 24.63),
  kd: branches('KD from ResNet-32', { method: 'kd', teacherNetwork: 'resnet-32' }, 28.83),
  dml: branches('DML, 2 peers', { method: 'dml' }, 29.03),
  'ensemble-3': teacher('3-net ensemble', { method: 'ensemble' }, 25.14),
  snapshot: teacher('snapshot ensemble, 5 cycles', { method: 'snapshot' }, 27.12),
  'no-distillation': branches('ONE without distillation', NO_DISTILLATION, 24.73, 110),
  'no-distillation-e': teacher('ONE-E without distillation', NO_DISTILLATION, 21.84, 110),
  'no-sharing': branches('ONE without sharing', NO_SHARING, 22.45, 110),
  'no-sharing-e': teacher('ONE-E without sharing', NO_SHARING, 20.57, 110),
  'no-gating': branches('ONE without gating', NO_GATING, 22.26, 110),
  'no-gating-e': teacher('ONE-E without gating', NO_GATING, 21.79, 110),
  'branches-2': branches('ONE, 2 branches', { method: 'one', branches: 2 }, 27.38),
  'branches-4': branches('ONE, 4 branches', { method: 'one', branches: 4 }, 26.58),
}

/** `fashion/one`, `fashion-10-percent/vanilla`, ... */
export const EVIDENCE_RECIPES: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(EVIDENCE_SETS).flatMap(([set, { settings: length, images }]) =>
    Object.entries(METHODS).map(
      ([
        name,
        {
          method,
          settings,
          figure,
          cifar100: [error, depth],
        },
      ]) => [
        `${set}/${name}`,
        {
          description: `${method}, ResNet-14 on Fashion-MNIST, ${images}`,
          settings: { ...COMMON, ...length, ...settings },
          row: {
            table: set,
            method,
            on: 'ResNet-14, Fashion-MNIST',
            figure,
            paper: null,
            elsewhere: { error, on: `ResNet-${depth}` },
          },
        },
      ],
    ),
  ),
)
