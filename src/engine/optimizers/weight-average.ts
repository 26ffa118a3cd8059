import type { OpAttributes } from '../graph/ops.ts'
import { operandsOf } from '../graph/optimizer-nodes.ts'
import type { ProgramNode } from '../graph/program.ts'
import { AVERAGE } from '../graph/state-layout.ts'
import { type UpdateStep, writeUpdate } from '../graph/update-arithmetic.ts'
import { appendUpdate, type Optimizer } from './optimizer.ts'

type Update = OpAttributes['OptimizerUpdate']

/**
 * The optimizer with an exponential moving average of each weight beside it, after each update
 *
 *     average = decay average + (1 - decay) weight
 *
 * as timm's ModelEmaV2 and torch.optim.swa_utils.get_ema_multi_avg_fn have it.
 */
export function withWeightAverage(optimizer: Optimizer, decay: number): Optimizer {
  return {
    states: [...optimizer.states, AVERAGE],
    scalars: optimizer.scalars,
    update: (graph, operands) => {
      const own = operands.states.slice(0, -1)
      const [weight] = optimizer.update(graph, { ...operands, states: own })
      // Its node is left without readers, which removes it: one node makes all that is new of a weight.
      const node = graph.nodes.find(({ outputs }) => outputs[0] === weight?.id)
      const update = node === undefined ? null : updateOf(node)
      if (node === undefined || update === null || operandsOf(update.node).scalars.length !== operands.scalars.length) {
        throw new Error(`Expected one update that makes all of ${operands.name} but received ${node?.op ?? 'none'}`)
      }
      return appendUpdate(graph, operands, withAverage(update.attributes, own.length, operands.scalars.length, decay))
    },
  }
}

function updateOf(node: ProgramNode) {
  if (node.op === 'OptimizerUpdate') return { node, attributes: node.attributes }
  if (node.op !== 'SgdNesterov') return null
  const { momentum, weightDecay } = node.attributes
  // As the op says: g += decay w; m = momentum m + g; w -= rate (g + momentum m).
  const attributes = writeUpdate({ states: 1, scalars: 1 }, (arithmetic, { weight, state, gradient, scalar }) => {
    const { add, subtract, multiply } = arithmetic
    const decayed = add(gradient, multiply(weight, weightDecay))
    const buffer = add(multiply(state(0), momentum), decayed)
    const direction = add(decayed, multiply(buffer, momentum))
    return [subtract(weight, multiply(direction, scalar(0))), buffer]
  })
  return { node, attributes }
}

/** The update with one state more behind its own, which is the average. */
function withAverage({ steps, results }: Update, states: number, scalars: number, decay: number): Update {
  const average = states + 1
  const shifted = (place: number) => (place >= average ? place + 1 : place)
  const moved = steps.map((step): UpdateStep => (step.op === 'constant' ? step : { ...step, of: step.of.map(shifted) }))
  const [weight = 0, ...others] = results.map(shifted)
  const next = average + 2 + scalars + moved.length
  return {
    steps: [
      ...moved,
      { op: 'constant', value: decay },
      { op: 'constant', value: 1 - decay },
      { op: 'multiply', of: [average, next] },
      { op: 'multiply', of: [weight, next + 1] },
      { op: 'add', of: [next + 2, next + 3] },
    ],
    results: [weight, ...others, next + 4],
  }
}
