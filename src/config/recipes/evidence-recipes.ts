/** Our own comparison of the paper's methods, on images that can be had: ResNet-14 on Fashion-MNIST. */
import type { Recipe, RecipeSettings } from '../recipe.ts'

/** The paper's optimiser, schedule and augmentation, with fewer epochs; one schedule for all methods. */
const COMMON = { network: 'resnet-14', dataset: 'fashion-mnist', precision: 'bf16' } as const satisfies RecipeSettings

/** Sets of runs that are compared with each other: how many images, for how long. */
const SETS = {
  fashion: { settings: { epochs: 15 }, images: 'all 60,000 images, 15 epochs' },
  'fashion-10-percent': {
    settings: { trainFraction: 0.1, epochs: 30, evaluateEvery: 5 },
    images: '6,000 images, 30 epochs',
  },
} as const satisfies Readonly<Record<string, { settings: RecipeSettings; images: string }>>

/** Rows of each set, in the order of its table; rows of equal settings are two views of the same runs. */
const METHODS = {
  vanilla: { method: 'vanilla network', settings: { method: 'vanilla' }, figure: 'branches' },
  one: { method: 'ONE', settings: { method: 'one' }, figure: 'branches' },
  'one-e': { method: 'ONE-E', settings: { method: 'one' }, figure: 'teacher' },
  kd: { method: 'KD from ResNet-32', settings: { method: 'kd', teacherNetwork: 'resnet-32' }, figure: 'branches' },
  dml: { method: 'DML, 2 peers', settings: { method: 'dml' }, figure: 'branches' },
  'ensemble-3': { method: '3-net ensemble', settings: { method: 'ensemble' }, figure: 'teacher' },
  snapshot: { method: 'snapshot ensemble, 5 cycles', settings: { method: 'snapshot' }, figure: 'teacher' },
  'no-distillation': {
    method: 'ONE without distillation',
    settings: { method: 'one', distill: 'off' },
    figure: 'branches',
  },
  'no-distillation-e': {
    method: 'ONE-E without distillation',
    settings: { method: 'one', distill: 'off' },
    figure: 'teacher',
  },
  'no-sharing': { method: 'ONE without sharing', settings: { method: 'one', share: 'none' }, figure: 'branches' },
  'no-sharing-e': { method: 'ONE-E without sharing', settings: { method: 'one', share: 'none' }, figure: 'teacher' },
  'no-gating': { method: 'ONE without gating', settings: { method: 'one', gate: 'average' }, figure: 'branches' },
  'no-gating-e': { method: 'ONE-E without gating', settings: { method: 'one', gate: 'average' }, figure: 'teacher' },
  'branches-2': { method: 'ONE, 2 branches', settings: { method: 'one', branches: 2 }, figure: 'branches' },
  'branches-4': { method: 'ONE, 4 branches', settings: { method: 'one', branches: 4 }, figure: 'branches' },
} as const satisfies Readonly<
  Record<string, { method: string; settings: RecipeSettings; figure: 'branches' | 'teacher' }>
>

/** `fashion/one`, `fashion-10-percent/vanilla`, ... */
export const EVIDENCE_RECIPES: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(SETS).flatMap(([set, { settings: length, images }]) =>
    Object.entries(METHODS).map(([name, { method, settings, figure }]) => [
      `${set}/${name}`,
      {
        description: `${method}, ResNet-14 on Fashion-MNIST, ${images}`,
        settings: { ...COMMON, ...length, ...settings },
        row: { table: set, method, on: 'ResNet-14, Fashion-MNIST', figure, paper: null },
      },
    ]),
  ),
)
