import { nameClassifiers } from '../../vocabulary/classifiers.ts'
import { expected } from '../../vocabulary/fault.ts'
import { checkProgram } from '../graph/check-program.ts'
import { removeDeadNodes } from '../graph/dead-code.ts'
import { appendGradients } from '../graph/gradients.ts'
import { GraphBuilder, type Parameter, type Value } from '../graph/graph-builder.ts'
import type { Program } from '../graph/program.ts'
import { layOutState, type StateLayout } from '../graph/state-layout.ts'
import type { ScalarName } from '../methods/method.ts'
import type { Layers } from '../networks/layers.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import { capturePredictions, type StepSpecification } from './capture.ts'
import type { StepOutput } from './step-outputs.ts'

/** A captured training step. */
export interface TrainingStep {
  readonly program: Program
  readonly layout: StateLayout
  readonly parameters: readonly Parameter[]
  /** In the order of the program's. */
  readonly outputs: readonly StepOutput[]
}

/** What else a training program hands back, for tests and studies. */
export interface ExtraOutputs {
  /** `gradient.<name>` of each weight, averaged over the replicas. */
  readonly gradients: boolean
}

/**
 * Captures forward pass, backward pass, all-reduce and optimizer as one program. Its outputs are `loss` (the objective),
 * its parts, and `correct.<branch>` (top-1 hits in the batch), each of this replica's images.
 */
export function captureTrainingStep(
  specification: StepSpecification,
  extra: ExtraOutputs = { gradients: false },
): TrainingStep {
  const { method, batch, optimizer, mixing = false, smoothing = 0, rateFactor = () => 1 } = specification
  const graph = new GraphBuilder(batch)
  const { layers, predictions } = capturePredictions(graph, specification, true)
  const scalars = new Map<ScalarName, Value>()
  const shareNames = mixing ? (['own_share', 'partner_share'] as const) : []
  for (const name of ['learning_rate', ...method.scalars, ...shareNames] as const) {
    scalars.set(name, graph.scalar(name))
  }
  const optimizerScalars = Object.keys(optimizer.scalars).map((name) => graph.scalar(name))
  const scalar = (name: ScalarName): Value => {
    const value = scalars.get(name)
    if (value === undefined) throw new Error(`Expected ${name} among the scalars of method ${method.name}`)
    return value
  }
  const labels = graph.labels(mixing ? 'with partners' : 'own')
  const shares = mixing ? { own: scalar('own_share'), partner: scalar('partner_share') } : null
  const { total, parts } = method.objective(graph, predictions, { labels, shares, smoothing }, scalar)
  const correct = nameClassifiers(predictions).map(({ name, of: logits }) => ({
    ...({ name: `correct.${name}`, role: 'hits', reduce: 'sum', classifier: name } as const),
    value: graph.applyOne('TopKCorrect', [logits, labels], { k: 1 }, 'metrics'),
  }))

  const weights = graph.parameters.filter(({ kind }) => kind === 'weight')
  refuseTrainedBeforeFrozen(graph, weights)
  const rates = new Map([[1, scalar('learning_rate')]])
  const rateOf = (name: string): Value => {
    const factor = rateFactor(name)
    const rate = rates.get(factor) ?? graph.scalar(scaledRateName(factor))
    rates.set(factor, rate)
    return rate
  }
  const gradients = appendGradients(
    graph,
    total,
    weights.map(({ value }) => value),
  )
  const updates = graph.phase('update', () => [
    ...weightUpdates(graph, weights, gradients, specification, (name) => [rateOf(name), ...optimizerScalars]),
    ...statisticUpdates(graph, layers),
  ])
  const reduced = updates.flatMap(({ name, gradient }) =>
    extra.gradients && gradient !== null
      ? [{ name: `gradient.${name}`, value: gradient, role: 'gradient' as const, reduce: 'mean' as const }]
      : [],
  )
  const outputs = [
    { name: 'loss', value: total, role: 'loss' as const, reduce: 'mean' as const },
    ...parts.map((part) => ({ ...part, role: 'part' as const, reduce: 'mean' as const })),
    ...correct,
    ...reduced,
  ]
  const program = removeDeadNodes(graph.finish('train', outputs, updates))
  checkProgram(program)
  const roles = outputs.map(({ value: _, ...output }): StepOutput => output)
  return { program, layout: layoutOf(graph.parameters, optimizer), parameters: graph.parameters, outputs: roles }
}

/** Where the parameters of a network and the optimizer's states lie; the same for training and evaluation program. */
function layoutOf(parameters: readonly Parameter[], { states }: Optimizer): StateLayout {
  const of = (...kinds: Parameter['kind'][]) =>
    parameters.filter(({ kind }) => kinds.includes(kind)).map(({ name, value }) => ({ name, shape: value.shape }))
  return layOutState(of('weight'), of('statistic'), of('frozen', 'frozen statistic'), states)
}

const SCALED_RATE = 'learning_rate*'

/** The scalar of a learning rate times a factor. */
const scaledRateName = (factor: number) => `${SCALED_RATE}${factor}`

/** The factor, of such a scalar's name; null for any other. */
export function rateFactorOf(scalar: string): number | null {
  return scalar.startsWith(SCALED_RATE) ? Number(scalar.slice(SCALED_RATE.length)) : null
}

/**
 * No gradient goes through a batch norm that predicts with running averages.
 * @throws UserFault where a layer before one is trained
 */
function refuseTrainedBeforeFrozen({ nodes }: GraphBuilder, weights: readonly Parameter[]): void {
  const trained = new Set(weights.map(({ value }) => value.id))
  for (const { op, inputs, outputs, label } of nodes) {
    if (!inputs.some((id) => trained.has(id))) continue
    if (op === 'BatchNormInference') {
      const remedy = 'Freeze those as well, from the input on, or leave this one out of --freeze.'
      throw expected('frozen layers before a batch norm that is frozen', label, 'layers that are trained', remedy)
    }
    for (const id of outputs) trained.add(id)
  }
}

interface Update {
  readonly name: string
  readonly value: Value
  /** All-reduced gradient of a weight, null for other state. */
  readonly gradient: Value | null
}

function weightUpdates(
  graph: GraphBuilder,
  weights: readonly Parameter[],
  gradients: readonly Value[],
  { optimizer: usual, apart, clipNorm }: Pick<StepSpecification, 'optimizer' | 'apart' | 'clipNorm'>,
  scalarsOf: (name: string) => readonly Value[],
): Update[] {
  const reduce = (index: number): Value => {
    const [weight, local] = [weights[index], gradients[index]]
    if (weight === undefined || local === undefined) {
      throw new Error(`Expected a gradient for ${weight?.name} but received none`)
    }
    return graph.applyOne('AllReduceMean', [local], {}, weight.name)
  }
  // The norm is of all gradients: each is there before the first update.
  const reduced = clipNorm === undefined ? [] : weights.map((_, index) => reduce(index))
  const clipped =
    clipNorm === undefined ? [] : graph.apply('ClipByGlobalNorm', reduced, { largestNorm: clipNorm }, 'clip')
  return weights.flatMap(({ name, value, group }, index): Update[] => {
    const optimizer = apart !== undefined && group !== null && apart.groups.includes(group) ? apart.optimizer : usual
    const mean = reduced[index] ?? reduce(index)
    const gradient = clipped[index] ?? mean
    const slots = optimizer.states.map((slot) => `${slot}.${name}`)
    const states = slots.map((slot) => graph.state(slot, value.shape))
    const scalars = scalarsOf(name)
    const [weight, ...renewed] = optimizer.update(graph, { name, weight: value, states, gradient, scalars })
    if (weight === undefined || renewed.length !== slots.length) {
      throw new Error(`Expected ${1 + slots.length} values of the update of ${name} but received ${renewed.length}`)
    }
    return [
      { name, value: weight, gradient: mean },
      ...slots.flatMap((slot, place) => {
        const state = renewed[place]
        return state === undefined ? [] : [{ name: slot, value: state, gradient: null }]
      }),
    ]
  })
}

/**
 * The average of the replicas' statistics goes into the one running average: the same as the mean of one running average
 * a replica, which is what data-parallel code saves.
 */
function statisticUpdates(graph: GraphBuilder, layers: Layers): Update[] {
  return layers.statistics.map(({ name, batch, correction }) => {
    const mean = graph.applyOne('AllReduceMean', [batch], {}, name)
    const running = graph.state(name, batch.shape)
    const attributes = { weight: layers.runningWeight, correction }
    return { name, value: graph.applyOne('RunningAverage', [running, mean], attributes, name), gradient: null }
  })
}
