import type { Recipe } from './recipe.ts'
import { CIFAR100_COMPARISON } from './recipes/cifar100-comparison.ts'
import { CIFAR100_TABLES } from './recipes/cifar100-tables.ts'
import { EVIDENCE_RECIPES } from './recipes/evidence-recipes.ts'
import { COMPARED_SUCCESSORS, SUCCESSORS } from './recipes/successors.ts'
import { TABLE_1 } from './recipes/table-1.ts'
import { TABLE_2 } from './recipes/table-2.ts'

const QUICKSTART: Recipe = {
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
}

/** Runs that have a name: a newcomer's first, every row of the paper's tables and figures, and our own comparisons. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  quickstart: QUICKSTART,
  ...TABLE_1,
  ...TABLE_2,
  ...CIFAR100_TABLES,
  ...CIFAR100_COMPARISON,
  ...COMPARED_SUCCESSORS,
  ...SUCCESSORS,
  ...EVIDENCE_RECIPES,
}

export function findRecipe(name: string): Recipe | null {
  return Object.hasOwn(RECIPES, name) ? (RECIPES[name] ?? null) : null
}
