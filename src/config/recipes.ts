import type { RunConfig } from './run-config.ts'

export interface Recipe {
  /** One line of `train --help`. */
  readonly description: string
  /** Settings that differ from the defaults. */
  readonly settings: Readonly<Partial<Omit<RunConfig, 'recipe' | 'out'>>>
}

/** Runs that have a name: the first run of a newcomer, and rows of the paper's table 1 (300 epochs each). */
export const RECIPES = {
  quickstart: {
    description: 'ResNet-32 + ONE on Fashion-MNIST, 3 epochs',
    settings: {
      network: 'resnet-32',
      method: 'one',
      dataset: 'fashion-mnist',
      epochs: 3,
      rampUp: 1,
      // So short a run gains more from many steps and whole images than from the paper's schedule and crops.
      batch: 64,
      learningRate: 0.05,
      schedule: 'cosine',
      augment: 'none',
    },
  },
  'cifar10-resnet-32': {
    description: 'table 1: ResNet-32 on CIFAR-10',
    settings: { network: 'resnet-32', method: 'vanilla', dataset: 'cifar10' },
  },
  'cifar10-resnet-32-one': {
    description: 'table 1: ResNet-32 + ONE on CIFAR-10',
    settings: { network: 'resnet-32', method: 'one', dataset: 'cifar10' },
  },
  'cifar10-resnet-110': {
    description: 'table 1: ResNet-110 on CIFAR-10',
    settings: { network: 'resnet-110', method: 'vanilla', dataset: 'cifar10' },
  },
  'cifar10-resnet-110-one': {
    description: 'table 1: ResNet-110 + ONE on CIFAR-10',
    settings: { network: 'resnet-110', method: 'one', dataset: 'cifar10' },
  },
  'cifar100-resnet-32': {
    description: 'table 1: ResNet-32 on CIFAR-100',
    settings: { network: 'resnet-32', method: 'vanilla', dataset: 'cifar100' },
  },
  'cifar100-resnet-32-one': {
    description: 'table 1: ResNet-32 + ONE on CIFAR-100',
    settings: { network: 'resnet-32', method: 'one', dataset: 'cifar100' },
  },
  'cifar100-resnet-110': {
    description: 'table 1: ResNet-110 on CIFAR-100',
    settings: { network: 'resnet-110', method: 'vanilla', dataset: 'cifar100' },
  },
  'cifar100-resnet-110-one': {
    description: 'table 1: ResNet-110 + ONE on CIFAR-100',
    settings: { network: 'resnet-110', method: 'one', dataset: 'cifar100' },
  },
} as const satisfies Readonly<Record<string, Recipe>>

export type RecipeName = keyof typeof RECIPES

export function isRecipe(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name)
}
