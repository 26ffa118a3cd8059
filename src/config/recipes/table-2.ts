/** Table 2: ImageNet, top-1 and top-5 error. */
import type { PaperFigure, Recipe, RecipeSettings } from '../recipe.ts'

const COMMON = { dataset: 'imagenet', epochs: 90, batch: 256 } as const satisfies RecipeSettings
const NETWORKS = {
  'resnet-18': { network: 'imagenet-resnet-18', printed: 'ResNet-18' },
  'resnext-50': { network: 'imagenet-resnext-50-32x4d', printed: 'ResNeXt-50' },
} as const

/** `table2/resnet-18`, `table2/resnet-18-one`, ... */
export const TABLE_2: Readonly<Record<string, Recipe>> = {
  'table2/resnet-18': recipeOf('resnet-18', 'vanilla', plain(30.48), plain(10.98)),
  'table2/resnet-18-one': recipeOf('resnet-18', 'one', { mean: 29.45, std: 0.23 }, { mean: 10.41, std: 0.12 }),
  'table2/resnext-50': recipeOf('resnext-50', 'vanilla', plain(22.62), plain(6.29)),
  'table2/resnext-50-one': recipeOf('resnext-50', 'one', { mean: 21.85, std: 0.07 }, { mean: 5.9, std: 0.05 }),
}

function plain(mean: number): PaperFigure {
  return { mean, std: null }
}

function recipeOf(
  name: keyof typeof NETWORKS,
  method: 'vanilla' | 'one',
  error: PaperFigure,
  top5: PaperFigure,
): Recipe {
  const { network, printed } = NETWORKS[name]
  const label = method === 'one' ? `${printed} + ONE` : printed
  return {
    description: `${label} on ImageNet`,
    settings: { network, method, ...COMMON },
    row: {
      table: 'table2',
      method: label,
      on: 'ImageNet',
      figure: 'branches',
      paper: { error, top5, trainFlops: null, testFlops: null, parameters: null },
      elsewhere: null,
    },
  }
}
