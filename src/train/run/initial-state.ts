/** State that a new run begins with: drawn from the seed, then what `--init` names. */
import type { RunConfig } from '../../config/run-config.ts'
import { describeDataset } from '../../data/datasets/describe-dataset.ts'
import { operands, type Program } from '../../engine/graph/program.ts'
import { viewState } from '../../engine/graph/state-layout.ts'
import { TEACHER_SCOPE } from '../../engine/methods/method-definition.ts'
import { drawInitialState } from '../../engine/networks/initial-weights.ts'
import type { TrainingStep } from '../../engine/step/training-program.ts'
import { expected } from '../../vocabulary/fault.ts'
import { type MatchedWeights, matchWeights } from '../checkpoint/match-weights.ts'
import { refuseDifferences } from '../checkpoint/state-tensors.ts'
import { readTrainedWeights, type TrainedWeights } from '../checkpoint/trained-weights.ts'

/** Tensors that a note names one by one. */
const LISTED = 3

const OTHER_NETWORK =
  'Give the options (--network, --block, --method, --branches, --dataset) that the file was made with; ' +
  'or begin with those that fit and draw the others: --init-partial.'

/**
 * @returns in words what was taken from `--init`, and what was not
 * @throws UserFault where that cannot be read, or does not fit; the state is then as it was drawn
 */
export async function fillInitialState(
  config: RunConfig,
  { parameters, layout, program }: TrainingStep,
  state: SharedArrayBuffer,
): Promise<string[]> {
  const { seed, init, initPartial, method } = config
  drawInitialState(parameters, layout, state, seed)
  if (init === null) return []
  const weights = await readTrainedWeights(init, 'read')
  const { classNames } = await describeDataset(config)
  const tensors = layout.tensors.filter(
    ({ name, role }) => role !== 'optimizer' && !(role === 'frozen' && name.startsWith(`${TEACHER_SCOPE}.`)),
  )
  const theirs = weights.description?.classNames ?? null
  const sameClasses =
    theirs && theirs.length === classNames.length && theirs.every((name, at) => name === classNames[at])
  const given = { ...weights, method: weights.description?.architecture.method ?? null, sameClasses }
  const matched = matchWeights({ tensors, method, classifiers: findClassifiers(program) }, given)
  if (initPartial === 'off') refuseDifferences(matched.differences, weights.source, OTHER_NETWORK)
  if (matched.filled.size === 0) {
    const remedy = 'Give the options (--network, --block) that it was made with.'
    throw expected('a tensor or more of this network', weights.source, 'none', remedy)
  }
  for (const tensor of tensors) {
    const found = matched.filled.get(tensor.name)
    if (found !== undefined) viewState(tensor, state).set(found.data)
  }
  const left = tensors.filter(({ name }) => !matched.filled.has(name) && !matched.anew.includes(name))
  return describeMatch(
    matched,
    weights,
    left.map(({ name }) => name),
    classNames.length,
  )
}

/** Names of the tensors of the layers that give the members' logits. */
function findClassifiers({ nodes }: Program): Set<string> {
  const logits = new Set(nodes.flatMap((node) => (node.op === 'TopKCorrect' ? operands(node).input('logits') : [])))
  const layers = nodes.filter(({ op, outputs: [output = -1] }) => op === 'Linear' && logits.has(output))
  return new Set(layers.flatMap(({ label }) => [`${label}.weight`, `${label}.bias`]))
}

function describeMatch(
  { filled, anew, members }: MatchedWeights,
  { source, description }: TrainedWeights,
  left: readonly string[],
  classes: number,
): string[] {
  const notes = [`${filled.size} tensors begin with the weights of ${source}`]
  if (members > 0) notes.push(`one network fills what is shared and each of the ${members} members`)
  if (anew.length > 0) {
    const theirs = description === null ? '' : `: they were trained on ${description.classNames.length} classes`
    notes.push(`the classifier is made anew for these ${classes} classes (${listed(anew)})${theirs}`)
  }
  if (left.length > 0) notes.push(`${left.length} tensors begin as drawn: ${listed(left)}`)
  return [notes.join('; ')]
}

function listed(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : ''
  return `${names.slice(0, LISTED).join(', ')}${more}`
}
