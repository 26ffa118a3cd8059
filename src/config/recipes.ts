import type { Recipe } from './recipe.ts'
import { EVIDENCE_RECIPES } from './recipes/evidence-recipes.ts'

/** Runs that have a name: the first run of a newcomer, and rows of the paper's table 1 (300 epochs each). */
export const RECIPES: Readonly<Record<string, Recipe>> = {
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
    row: null,
  },
  'cifar10-resnet-32': {
    description: 'table 1: ResNet-32 on CIFAR-10',
    settings: { network: 'resnet-32', method: 'vanilla', dataset: 'cifar10' },
    row: null,
  },
  'cifar10-resnet-32-one': {
    description: 'table 1: ResNet-32 + ONE on CIFAR-10',
    settings: { network: 'resnet-32', method: 'one', dataset: 'cifar10' },
    row: null,
  },
  'cifar10-resnet-110': {
    description: 'table 1: ResNet-110 on CIFAR-10',
    settings: { network: 'resnet-110', method: 'vanilla', dataset: 'cifar10' },
    row: null,
  },
  'cifar10-resnet-110-one': {
    description: 'table 1: ResNet-110 + ONE on CIFAR-10',
    settings: { network: 'resnet-110', method: 'one', dataset: 'cifar10' },
    row: null,
  },
  'cifar100-resnet-32': {
    description: 'table 1: ResNet-32 on CIFAR-100',
    settings: { network: 'resnet-32', method: 'vanilla', dataset: 'cifar100' },
    row: null,
  },
  'cifar100-resnet-32-one': {
    description: 'table 1: ResNet-32 + ONE on CIFAR-100',
    settings: { network: 'resnet-32', method: 'one', dataset: 'cifar100' },
    row: null,
  },
  'cifar100-resnet-110': {
    description: 'table 1: ResNet-110 on CIFAR-100',
    settings: { network: 'resnet-110', method: 'vanilla', dataset: 'cifar100' },
    row: null,
  },
  'cifar100-resnet-110-one': {
    description: 'table 1: ResNet-110 + ONE on CIFAR-100',
    settings: { network: 'resnet-110', method: 'one', dataset: 'cifar100' },
    row: null,
  },
  ...EVIDENCE_RECIPES,
}

export function findRecipe(name: string): Recipe | null {
  return Object.hasOwn(RECIPES, name) ? (RECIPES[name] ?? null) : null
}
