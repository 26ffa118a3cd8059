/**
 * What weights are of: the network, and the images it was trained on. Stands in the `__metadata__` of every safetensors file
 * that we write, each member as JSON, and is compared with what the weights are to be used for.
 */
import { z } from 'zod'
import { WITHOUT_METHOD } from '../../config/defaults.ts'
import { peerNetworks } from '../../config/peers.ts'
import type { RunConfig } from '../../config/run-config.ts'
import type { NetworkInput } from '../../config/specification.ts'
import type { MethodName } from '../../engine/methods/registry.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { isSealed } from './file-seal.ts'
import { damaged } from './safetensors-header.ts'

/** Settings that say which network it is that was trained. */
const ARCHITECTURE = [
  ...(['network', 'block', 'method', 'branches', 'share', 'gate', 'peers', 'teacherNetwork', 'teacherBlock'] as const),
] as const satisfies readonly (keyof RunConfig)[]
export type Architecture = Pick<RunConfig, (typeof ARCHITECTURE)[number]>

export type InputDescription = Omit<NetworkInput, 'channels'>

export interface ModelDescription extends InputDescription {
  readonly dataset: string
  readonly architecture: Architecture
}

/** Of a run, from its configuration and the images that it has. */
export function describeModel(config: RunConfig, input: InputDescription): ModelDescription {
  const { classNames, height, width, mean, std } = input
  return { classNames, height, width, mean, std, dataset: config.dataset, architecture: architectureOf(config) }
}

function architectureOf(config: Architecture): Architecture {
  const { network, block, method, branches, share, gate, peers, teacherNetwork, teacherBlock } = config
  return { network, block, method, branches, share, gate, peers, teacherNetwork, teacherBlock }
}

/** Of one branch or peer as the plain network it is when deployed. */
export function describeDeployed(description: ModelDescription, branch: number): ModelDescription {
  const { architecture } = description
  const network = peerNetworks(architecture)[branch] ?? architecture.network
  return {
    ...description,
    architecture: architectureOf({ ...architecture, ...WITHOUT_METHOD, network, method: 'vanilla' }),
  }
}

const numbers = z.array(z.number())
const membersSchema = z.object({
  dataset: z.string(),
  classes: z.array(z.string()),
  image_size: z.tuple([z.int(), z.int()]),
  mean: numbers,
  std: numbers,
  architecture: z.object({
    network: z.string(),
    block: z.enum(['auto', 'basic', 'bottleneck']),
    // One of the user's is known only where its run's configuration was read before.
    method: z.string().transform((name): MethodName => name as MethodName),
    branches: z.int(),
    share: z.enum(['low', 'none']),
    gate: z.enum(['learned', 'average']),
    peers: z.string(),
    teacherNetwork: z.string().nullable(),
    teacherBlock: z.enum(['auto', 'basic', 'bottleneck']),
  }),
})

/** Members of `__metadata__`; none for weights of which nothing is known. */
export function descriptionMetadata(description: ModelDescription | null): Record<string, string> {
  if (description === null) return {}
  const { dataset, classNames, height, width, mean, std, architecture } = description
  const members = { dataset, classes: classNames, image_size: [height, width], mean, std, architecture }
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [key, JSON.stringify(value)]))
}

/** null for files of others, and for files of ours from before they had a description. @throws UserFault for a damaged one */
export function readDescription(metadata: Readonly<Record<string, string>>, path: string): ModelDescription | null {
  if (!isSealed(metadata) || metadata['classes'] === undefined) return null
  const members = Object.fromEntries(Object.keys(membersSchema.shape).map((key) => [key, parseJson(metadata[key])]))
  const checked = membersSchema.safeParse(members)
  if (!checked.success) throw damaged(path, 'its description of the network is of another form')
  const { dataset, classes, image_size: size, mean, std, architecture } = checked.data
  return { dataset, classNames: classes, height: size[0], width: size[1], mean, std, architecture }
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/**
 * @param source of the weights, for the message
 * @param place of the images
 * @throws UserFault where the images have other classes, another order of them, another size or other colour statistics
 */
export function refuseOtherInput(
  stored: InputDescription,
  source: string,
  given: InputDescription,
  place: string,
): void {
  const difference = classDifference(stored.classNames, given.classNames) ?? inputDifference(stored, given)
  if (difference === null) return
  throw new UserFault(
    `Expected the images that ${source} was trained on for ${place} but received others: ${difference}`,
    'Name the images that belong to these weights with --data, or train on those that are there.',
  )
}

/** @throws UserFault where the weights are of another network than the configuration says */
export function refuseOtherNetwork(
  stored: Pick<ModelDescription, 'architecture'>,
  source: string,
  config: Architecture,
  place: string,
): void {
  const differing = ARCHITECTURE.filter((key) => stored.architecture[key] !== config[key])
  if (differing.length === 0) return
  const words = differing.map((key) => `${key} is ${stored.architecture[key]} there and ${config[key]} here`)
  throw new UserFault(
    `Expected the network of ${source} for ${place} but received another: ${words.join('; ')}`,
    'The two are of different runs: take both from one.',
  )
}

/** Of the classes that differ. */
const LISTED = 3

/** In words, with both sides; null where they are the same in the same order. */
function classDifference(stored: readonly string[], given: readonly string[]): string | null {
  const length = Math.max(stored.length, given.length)
  const differing = Array.from({ length }, (_, label) => label).filter((label) => stored[label] !== given[label])
  if (differing.length === 0) return null
  const named = (names: readonly string[], label: number) => (names[label] === undefined ? 'none' : `"${names[label]}"`)
  const words = differing
    .slice(0, LISTED)
    .map((label) => `class ${label} is ${named(stored, label)} there and ${named(given, label)} here`)
  if (differing.length > LISTED) words.push(`and ${differing.length - LISTED} more differ`)
  const known = new Set(stored)
  const reordered = stored.length === given.length && given.every((name) => known.has(name))
  const counts = `${stored.length} classes there and ${given.length} here`
  return `${counts}${reordered ? ', the same names in another order' : ''}; ${words.join('; ')}`
}

function inputDifference(stored: InputDescription, given: InputDescription): string | null {
  const words = (
    [
      ['height', 'height'],
      ['width', 'width'],
      ['mean', 'mean of the colours'],
      ['std', 'standard deviation of the colours'],
    ] as const
  ).flatMap(([key, name]) => {
    const [there, here] = [JSON.stringify(stored[key]), JSON.stringify(given[key])]
    return there === here ? [] : [`${name} ${there} there and ${here} here`]
  })
  return words.length === 0 ? null : words.join('; ')
}
