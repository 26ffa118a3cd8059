/** What the rest of the program has to know of a family of networks: its file has it, registry.ts lists all. */
import { readSizes, type Sizes } from './name-form.ts'
import type { Network } from './network.ts'

/** Residual block of a network that leaves a choice; `auto` = as its paper has it. */
export type Block = 'auto' | 'basic' | 'bottleneck'

interface FamilyTraits {
  /** Names that people train, for the help and for remedies; the best known first. */
  readonly examples: readonly [string, ...string[]]
  /** Images that the family is made for. */
  readonly images: 'CIFAR' | 'ImageNet'
  /** What others call it, up to the first size. */
  readonly aliases?: readonly string[]
  /** Whether `--block` says which blocks it has. */
  readonly leavesBlock?: true
}

export interface NetworkFamily extends FamilyTraits {
  /** How its names look (name-form.ts), for reading and for printing: `densenet-bc-<6n+4>-<growth>`. */
  readonly form: string
  /** The network of a name; null for a name of another form. */
  find(name: string, block: Block): Network | null
}

/** @param build gets what stands in the blanks of the form, in their order */
export function networkFamily<const Form extends string>(
  form: Form,
  { build, ...traits }: FamilyTraits & { build(name: string, sizes: Sizes<Form>, block: Block): Network },
): NetworkFamily {
  return {
    ...traits,
    form,
    find(name, block) {
      const sizes = readSizes(form, name)
      return sizes === null ? null : build(name, sizes, block)
    },
  }
}
