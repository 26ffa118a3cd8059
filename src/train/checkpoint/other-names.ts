/**
 * Weights of networks whose names elsewhere are not ours (torchvision's): timm's MobileNetV2, and VGG with biases in its
 * convolutions (torchvision and timm). ResNet, ResNeXt and Wide ResNet have the same names in all three.
 */
import type { NamedTensor } from './safetensors.ts'

/** First parts of names of classifiers: torchvision's and timm's. */
const CLASSIFIERS = ['fc', 'classifier', 'head', 'pre_logits']

/** Whether the tensor is of a classifier, by its name elsewhere. */
export function isOfClassifier(name: string): boolean {
  return CLASSIFIERS.includes(name.split('.')[0] ?? '')
}

/** The tensors by the names that they have in our networks; those of networks that have our names as they are. */
export function withOurNames(tensors: readonly NamedTensor[]): readonly NamedTensor[] {
  const names = new Set(tensors.map(({ name }) => name))
  if (names.has('conv_stem.weight') && names.has('blocks.1.0.conv_pwl.weight')) return ofTimmMobileNetV2(tensors)
  if (names.has('features.0.bias') && names.has('features.1.running_mean')) return withoutConvolutionBiases(tensors)
  return tensors
}

/** Modules of timm's blocks: the first stage has no expansion, the others begin with it. */
const FIRST_BLOCK = { conv_dw: '0.0', bn1: '0.1', conv_pw: '1', bn2: '2' }
const OTHER_BLOCKS = { conv_pw: '0.0', bn1: '0.1', conv_dw: '1.0', bn2: '1.1', conv_pwl: '2', bn3: '3' }

function ofTimmMobileNetV2(tensors: readonly NamedTensor[]): NamedTensor[] {
  const blocks = [...new Set(tensors.flatMap(({ name }) => /^blocks\.(\d+\.\d+)\./.exec(name)?.[1] ?? []))]
  const order = (block: string) => {
    const [stage = 0, place = 0] = block.split('.').map(Number)
    return 1000 * stage + place
  }
  blocks.sort((one, other) => order(one) - order(other))
  const head = blocks.length + 1
  const modules = new Map([
    ['conv_stem', 'features.0.0'],
    ['bn1', 'features.0.1'],
    ['conv_head', `features.${head}.0`],
    ['bn2', `features.${head}.1`],
    ['classifier', 'classifier.1'],
  ])
  for (const [index, block] of blocks.entries()) {
    const parts = Object.entries(block.startsWith('0.') ? FIRST_BLOCK : OTHER_BLOCKS)
    for (const [theirs, ours] of parts) modules.set(`blocks.${block}.${theirs}`, `features.${index + 1}.conv.${ours}`)
  }
  return tensors.map((tensor) => {
    const [, module = '', parameter = ''] = /^(.*)\.([^.]+)$/.exec(tensor.name) ?? []
    const ours = modules.get(module)
    return ours === undefined ? tensor : { ...tensor, name: `${ours}.${parameter}` }
  })
}

/** Batch norm subtracts what a bias before it adds: BN(x + b) with mean m is BN(x) with mean m - b. */
function withoutConvolutionBiases(tensors: readonly NamedTensor[]): NamedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  const biases = new Map<string, NamedTensor>()
  for (const tensor of tensors) {
    const [, module] = /^features\.(\d+)\.bias$/.exec(tensor.name) ?? []
    if (module === undefined || byName.get(`features.${module}.weight`)?.shape.length !== 4) continue
    const mean = `features.${Number(module) + 1}.running_mean`
    if (byName.has(mean)) biases.set(mean, tensor)
  }
  const folded = new Set([...biases.values()].map(({ name }) => name))
  return tensors.flatMap((tensor) => {
    if (folded.has(tensor.name)) return []
    const bias = biases.get(tensor.name)
    if (bias === undefined) return [tensor]
    return [{ ...tensor, data: tensor.data.map((mean, channel) => mean - (bias.data[channel] ?? 0)) }]
  })
}
