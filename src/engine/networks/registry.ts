/** All families of networks, and what is asked of them by a network's name. A new one needs a row here and no change elsewhere. */
import { CIFAR_RESNET } from './cifar-resnet.ts'
import { CIFAR_RESNEXT } from './cifar-resnext.ts'
import { DENSENET_BC } from './densenet.ts'
import { IMAGENET_RESNET, IMAGENET_RESNEXT } from './imagenet-resnet.ts'
import { IMAGENET_MOBILENET_V2, MOBILENET_V2 } from './mobilenet-v2.ts'
import type { NetworkFamily } from './network-family.ts'
import { VGG_BN } from './vgg.ts'
import { WIDE_RESNET } from './wide-resnet.ts'

export const NETWORK_FAMILIES: readonly NetworkFamily[] = [
  CIFAR_RESNET,
  CIFAR_RESNEXT,
  DENSENET_BC,
  WIDE_RESNET,
  VGG_BN,
  MOBILENET_V2,
  IMAGENET_RESNET,
  IMAGENET_RESNEXT,
  IMAGENET_MOBILENET_V2,
]

/** The family that a network's name belongs to; null for what names no network. */
export function familyOf(name: string): NetworkFamily | null {
  return NETWORK_FAMILIES.find((family) => family.find(name, 'auto') !== null) ?? null
}

/** Completes `Expected ... for the network`. */
export const NETWORK_FORMS = inWords(NETWORK_FAMILIES.map(({ form }) => form))

/** Forms of those networks that `--block` is for. */
export const BLOCK_FORMS = inWords(NETWORK_FAMILIES.filter(({ leavesBlock }) => leavesBlock).map(({ form }) => form))

/** `resnet-32, resnext-29-8x64d, ... or ...`: one network of each family. */
export const NETWORK_EXAMPLES = inWords(NETWORK_FAMILIES.map(({ examples }) => examples[0]))

/** `for CIFAR resnet-32, ...; for ImageNet ...` */
export const NETWORKS_IN_WORDS = (['CIFAR', 'ImageNet'] as const)
  .map((kind) => {
    const names = NETWORK_FAMILIES.filter(({ images }) => images === kind).flatMap(({ examples }) => examples)
    return `for ${kind} ${names.join(', ')}, ...`
  })
  .join('; ')

function inWords(words: readonly string[]): string {
  return words.join(', ').replace(/, (?=[^,]*$)/, ' or ')
}
