import { nearestWord } from './nearest-word.ts'
import { parseNetworkName } from './network-name.ts'

const FAMILIES = ['resnet', 'resnext', 'densenet-bc', 'imagenet-resnet', 'imagenet-resnext'] as const
/** What others call them. */
const ALIASES: Readonly<Record<string, string>> = { densenet: 'densenet-bc', 'imagenet-densenet': 'densenet-bc' }

/** The network that a name without one most likely means: `resnt-32`, `ResNet32`, `resnet-18`; null where none is near. */
export function nearestNetwork(name: string): string | null {
  const plain = name
    .trim()
    .toLowerCase()
    .replaceAll(/[_\s]/g, '-')
    .replace(/^([a-z-]*[a-z])(?=\d)/, '$1-')
  const [, letters = '', sizes = ''] = /^(.*?)-*(\d.*)?$/.exec(plain) ?? []
  const family = ALIASES[letters] ?? nearestWord(letters, FAMILIES)
  if (family === null) return null
  const candidates = [`${family}-${sizes}`, `imagenet-${family}-${sizes}`, `${family}-${nearestDepth(family, sizes)}`]
  return candidates.find((candidate) => parseNetworkName(candidate) !== null) ?? null
}

/** The sizes with a depth of the family's: 6n + 2 for CIFAR's ResNets, 9n + 2 for its ResNeXts, 6n + 4 for DenseNets. */
function nearestDepth(family: string, sizes: string): string {
  const [perBlock, others] = family === 'resnext' ? [9, 2] : [6, family === 'densenet-bc' ? 4 : 2]
  const [, depth, rest = ''] = /^(\d+)(.*)$/.exec(sizes) ?? []
  return `${Math.max(1, Math.round((Number(depth) - others) / perBlock)) * perBlock + others}${rest}`
}
