/** Table 1: four networks on CIFAR and SVHN, plain and with ONE. Error of ONE: mean and deviation over the branches. */
import type { PaperFigure, Recipe, RecipeSettings } from '../recipe.ts'

const NETWORKS = {
  'resnet-32': { network: 'resnet-32', printed: 'ResNet-32', parameters: 0.5e6 },
  'resnet-110': { network: 'resnet-110', printed: 'ResNet-110', parameters: 1.7e6 },
  'resnext-29': { network: 'resnext-29-8x64d', printed: 'ResNeXt-29 (8x64d)', parameters: 34.4e6 },
  'densenet-bc': { network: 'densenet-bc-190-40', printed: 'DenseNet-BC (L=190, k=40)', parameters: 25.6e6 },
} as const

/** SVHN: all training images, without augmentation. */
const DATASETS = {
  cifar10: { printed: 'CIFAR10', settings: { dataset: 'cifar10', epochs: 300 } },
  cifar100: { printed: 'CIFAR100', settings: { dataset: 'cifar100', epochs: 300 } },
  svhn: { printed: 'SVHN', settings: { dataset: 'svhn', epochs: 40, augment: 'none' } },
} as const satisfies Readonly<Record<string, { printed: string; settings: RecipeSettings }>>

type Dataset = keyof typeof DATASETS
type Network = keyof typeof NETWORKS

const plain = (mean: number): PaperFigure => ({ mean, std: null })
const branches = (mean: number, std: number): PaperFigure => ({ mean, std })

const ERRORS: Readonly<Record<Network, Record<'vanilla' | 'one', Record<Dataset, PaperFigure>>>> = {
  'resnet-32': {
    vanilla: { cifar10: plain(6.93), cifar100: plain(31.18), svhn: plain(2.11) },
    one: { cifar10: branches(5.99, 0.05), cifar100: branches(26.61, 0.06), svhn: branches(1.83, 0.05) },
  },
  'resnet-110': {
    vanilla: { cifar10: plain(5.56), cifar100: plain(25.33), svhn: plain(2.0) },
    one: { cifar10: branches(5.17, 0.07), cifar100: branches(21.62, 0.26), svhn: branches(1.76, 0.07) },
  },
  'resnext-29': {
    vanilla: { cifar10: plain(3.69), cifar100: plain(17.77), svhn: plain(1.83) },
    one: { cifar10: branches(3.45, 0.04), cifar100: branches(16.07, 0.08), svhn: branches(1.7, 0.03) },
  },
  'densenet-bc': {
    vanilla: { cifar10: plain(3.32), cifar100: plain(17.53), svhn: plain(1.73) },
    one: { cifar10: branches(3.13, 0.07), cifar100: branches(16.35, 0.05), svhn: branches(1.63, 0.05) },
  },
}

/** `table1/resnet-32-cifar10`, `table1/resnet-32-one-cifar10`, ... */
export const TABLE_1: Readonly<Record<string, Recipe>> = Object.fromEntries(
  keysOf(NETWORKS).flatMap((name) =>
    (['vanilla', 'one'] as const).flatMap((method) =>
      keysOf(DATASETS).map((dataset) => [
        `table1/${name}${method === 'one' ? '-one' : ''}-${dataset}`,
        recipeOf(name, method, dataset),
      ]),
    ),
  ),
)

function recipeOf(name: Network, method: 'vanilla' | 'one', dataset: Dataset): Recipe {
  const { network, printed, parameters } = NETWORKS[name]
  const { printed: on, settings } = DATASETS[dataset]
  const label = method === 'one' ? `${printed} + ONE` : printed
  const error = ERRORS[name][method][dataset]
  return {
    description: `${label} on ${on}`,
    settings: { network, method, ...settings },
    row: {
      table: 'table1',
      method: label,
      on,
      figure: 'branches',
      paper: { error, top5: null, trainFlops: null, testFlops: null, parameters },
      elsewhere: null,
    },
  }
}

/** Object.keys has lost their type. */
function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(table) as Key[]
}
