import { EVIDENCE_SETS } from './evidence-recipes.ts'

/** Captions of the tables by their names. */
export const TABLE_TITLES: Readonly<Record<string, string>> = {
  table1: 'Table 1: ONE on CIFAR and SVHN',
  table2: 'Table 2: ONE on ImageNet',
  table3: 'Table 3: against knowledge distillation, CIFAR100',
  table4: 'Table 4: against ensembles, CIFAR100',
  table5: 'Table 5: parts of ONE, ResNet-110 on CIFAR100',
  table6: 'Table 6: number of branches, ResNet-32 on CIFAR100',
  figure2: 'Figure 2: effect of online distillation, ResNet-110 on CIFAR100',
  figure3: 'Figure 3: the networks whose minima are probed, ResNet-110 on CIFAR100',
  cifar100: 'ResNet-32 on CIFAR100: all methods (the paper takes ONE apart with a ResNet-110 alone)',
  successors: "Methods beside ONE, each by its own paper's settings: ResNet-32 on CIFAR100",
  ...Object.fromEntries(
    Object.entries(EVIDENCE_SETS).map(([set, { images }]) => [set, `ResNet-14 on Fashion-MNIST, ${images}`]),
  ),
  other: 'Other runs',
}
