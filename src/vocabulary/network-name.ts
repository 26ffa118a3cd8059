const IMAGENET_DEPTHS = [18, 34, 50, 101, 152] as const
export type ImageNetDepth = (typeof IMAGENET_DEPTHS)[number]

/** A network's name taken apart. */
export type NetworkName =
  | { readonly family: 'cifar-resnet'; readonly depth: number }
  | {
      readonly family: 'cifar-resnext'
      readonly depth: number
      readonly cardinality: number
      readonly baseWidth: number
      /** Multiple of the stages' widths 64, 128, 256; 4 where the name does not say. */
      readonly widen: number
    }
  | { readonly family: 'densenet-bc'; readonly depth: number; readonly growth: number }
  | { readonly family: 'imagenet-resnet'; readonly depth: ImageNetDepth }
  | {
      readonly family: 'imagenet-resnext'
      readonly depth: ImageNetDepth
      readonly cardinality: number
      readonly baseWidth: number
    }

/** Completes `Expected ... for the network`. */
export const NETWORK_NAMES =
  'resnet-<6n+2>, resnext-<9n+2>-<cardinality>x<width>d, densenet-bc-<6n+4>-<growth>, ' +
  'imagenet-resnet-<18, 34, 50, 101, 152> or imagenet-resnext-<50, 101, 152>-<cardinality>x<width>d'

/** Largest depth, width or growth that a name may ask for: beyond it a slip of the finger is likelier than a wish. */
const LARGEST = 9999

/** `resnext-29-8x64d` -> its family and sizes; null for what names no network. */
export function parseNetworkName(name: string): NetworkName | null {
  const parsed = parseFamily(name)
  const sizes = Object.values(parsed ?? {}).filter((value) => typeof value === 'number')
  return sizes.every((size) => size <= LARGEST) ? parsed : null
}

function parseFamily(name: string): NetworkName | null {
  const resnet = numbersOf(/^resnet-(\d+)$/, name)
  if (resnet !== null) {
    const [depth = 0] = resnet
    return isDepth(depth, 6, 2) ? { family: 'cifar-resnet', depth } : null
  }
  const resnext = numbersOf(/^resnext-(\d+)-(\d+)x(\d+)d(?:-widen(\d+))?$/, name)
  if (resnext !== null) {
    const [depth = 0, cardinality = 0, baseWidth = 0, widen = 4] = resnext
    return isDepth(depth, 9, 2) ? { family: 'cifar-resnext', depth, cardinality, baseWidth, widen } : null
  }
  const densenet = numbersOf(/^densenet-bc-(\d+)-(\d+)$/, name)
  if (densenet !== null) {
    const [depth = 0, growth = 0] = densenet
    return isDepth(depth, 6, 4) ? { family: 'densenet-bc', depth, growth } : null
  }
  const imagenet = numbersOf(/^imagenet-(?:resnet-(\d+)|resnext-(\d+)-(\d+)x(\d+)d)$/, name)
  if (imagenet === null) return null
  const [size, cardinality, baseWidth] = imagenet
  const depth = IMAGENET_DEPTHS.find((known) => known === size)
  if (depth === undefined) return null
  if (cardinality === undefined || baseWidth === undefined) return { family: 'imagenet-resnet', depth }
  // Groups need the bottlenecks of the deeper networks.
  return depth >= 50 ? { family: 'imagenet-resnext', depth, cardinality, baseWidth } : null
}

/** Depth of n > 0 blocks a stage. */
function isDepth(depth: number, perBlock: number, others: number): boolean {
  return depth > others && (depth - others) % perBlock === 0
}

/** The groups that matched, as numbers; null where the name does not match or a number is 0 or begins with 0. */
function numbersOf(pattern: RegExp, name: string): number[] | null {
  const groups = pattern
    .exec(name)
    ?.slice(1)
    .filter((group) => group !== undefined)
  if (groups === undefined || groups.some((group) => group.startsWith('0'))) return null
  return groups.map(Number)
}
