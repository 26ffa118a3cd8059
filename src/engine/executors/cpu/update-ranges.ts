import { elementCount } from '../../../vocabulary/shape.ts'
import { type OptimizerNode, operandsOf } from '../../graph/optimizer-nodes.ts'
import { operands, typeOf, type ValueId } from '../../graph/program.ts'
import type { Lowering } from './lowering.ts'
import type {
  GradientClip,
  Plan,
  PlanExport,
  PlanUpdate,
  RunningAverageRange,
  SgdRange,
  UpdateRange,
} from './plan-words.ts'

const LINE_ELEMENTS = 16

/** The gradients that are clipped before the update; none where there is no such node. */
export function gradientClip(lowering: Lowering): GradientClip {
  const [node, ...others] = lowering.program.nodes.filter((candidate) => candidate.op === 'ClipByGlobalNorm')
  if (node === undefined) return { largestNorm: 0, gradients: [] }
  if (others.length > 0) throw new Error('Expected at most one ClipByGlobalNorm in a program')
  const gradients = node.inputs.map((id) => {
    const home = lowering.home(id)
    if (home.kind !== 'meanGradient')
      throw new Error(`Expected all-reduced gradients to clip but received ${home.kind}`)
    return { gradient: lowering.gradient(home.source), elements: elementCount(typeOf(lowering.program, id).shape) }
  })
  return { largestNorm: node.attributes.largestNorm, gradients }
}

/** SGD's nodes as ranges of the flat state, neighbours joined. */
export function sgdRanges(lowering: Lowering): SgdRange[] {
  const ranges: SgdRange[] = []
  for (const node of lowering.program.nodes) {
    if (node.op !== 'SgdNesterov') continue
    const { elements, gradient, tensors, scalars } = rangeOf(lowering, node)
    const [weight = -1, momentum = -1] = tensors
    const [rate = -1] = scalars
    const { momentum: decay, weightDecay } = node.attributes
    ranges.push({ weight, momentum, gradient, elements: wholeLines(elements), rate, decay, weightDecay })
  }
  return joinNeighbours(
    ranges,
    ({ weight, momentum, gradient }) => [weight, momentum, gradient],
    ({ rate, decay, weightDecay }) => [rate, decay, weightDecay],
  )
}

/** Other optimizers' nodes: what they compute, once where it is the same for all, and the ranges of the flat state. */
export function optimizerUpdates(lowering: Lowering): Pick<Plan, 'updates' | 'updateRanges'> {
  const updates = new Map<string, PlanUpdate>()
  const whole: UpdateRange[] = []
  const joinable: UpdateRange[] = []
  for (const node of lowering.program.nodes) {
    if (node.op !== 'OptimizerUpdate') continue
    const operands = rangeOf(lowering, node)
    const key = JSON.stringify([node.attributes, operands.tensors.length, operands.scalars.length])
    const counts = { tensors: operands.tensors.length, scalars: operands.scalars.length }
    if (!updates.has(key)) updates.set(key, { ...counts, ...node.attributes })
    const update = [...updates.keys()].indexOf(key)
    // A norm is over the tensor's own elements; all else may run over the padding behind them.
    if (node.attributes.steps.some(({ op }) => op === 'norm')) whole.push({ update, ...operands })
    else joinable.push({ update, ...operands, elements: wholeLines(operands.elements) })
  }
  const joined = joinNeighbours(
    joinable,
    ({ gradient, tensors }) => [gradient, ...tensors],
    ({ update, scalars }) => [update, ...scalars],
  )
  return { updates: [...updates.values()], updateRanges: [...whole, ...joined] }
}

function rangeOf(lowering: Lowering, node: OptimizerNode): Omit<UpdateRange, 'update'> {
  const { weight, states, gradient, scalars } = operandsOf(node)
  const home = lowering.home(gradient)
  if (home.kind !== 'meanGradient' && home.kind !== 'clippedGradient') {
    throw new Error(`Expected an all-reduced gradient for ${node.label}`)
  }
  return {
    elements: elementCount(typeOf(lowering.program, weight).shape),
    gradient: lowering.gradient(home.source),
    tensors: [weight, ...states].map((id) => lowering.state(id)),
    scalars: scalars.map((id) => lowering.uniformScalar(id)),
  }
}

const wholeLines = (elements: number) => Math.ceil(elements / LINE_ELEMENTS) * LINE_ELEMENTS

/**
 * @param starts of a range, the places that go on behind it in a neighbour
 * @param settings that neighbours must share
 */
function joinNeighbours<R extends { readonly elements: number }>(
  ranges: readonly R[],
  starts: (range: R) => readonly number[],
  settings: (range: R) => readonly number[],
): R[] {
  const joined: R[] = []
  for (const range of ranges.toSorted((one, other) => (starts(one)[0] ?? 0) - (starts(other)[0] ?? 0))) {
    const last = joined.at(-1)
    const follows =
      last !== undefined &&
      starts(range).every((start, place) => start === (starts(last)[place] ?? 0) + last.elements) &&
      settings(range).every((setting, place) => setting === settings(last)[place])
    if (follows) joined.splice(-1, 1, { ...last, elements: last.elements + range.elements })
    else joined.push(range)
  }
  return joined
}

export function runningAverages(lowering: Lowering): RunningAverageRange[] {
  return lowering.program.nodes.flatMap((node): RunningAverageRange[] => {
    if (node.op !== 'RunningAverage') return []
    const { input } = operands(node)
    const [running, statistic] = [input('running'), input('batch')]
    const elements = elementCount(typeOf(lowering.program, running).shape)
    return [
      { state: lowering.state(running), statistic: statisticOffset(lowering, statistic), elements, ...node.attributes },
    ]
  })
}

/** Where each output comes from, in the order of the program's outputs. */
export function planExports(lowering: Lowering): PlanExport[] {
  let target = 0
  return lowering.program.outputs.map(({ value }) => {
    const count = elementCount(typeOf(lowering.program, value).shape)
    const item = { ...exportSource(lowering, value), count, target }
    target += count
    return item
  })
}

function exportSource(lowering: Lowering, value: ValueId): Pick<PlanExport, 'kind' | 'source'> {
  const home = lowering.home(value)
  switch (home.kind) {
    case 'scalar':
      return { kind: 'scalar', source: lowering.scalar(value) }
    case 'rows':
      return { kind: 'rows', source: lowering.tensor(value) }
    case 'vector':
      return { kind: 'vector', source: lowering.tensor(value) }
    case 'gradient':
      return { kind: 'gradient', source: lowering.gradient(value) }
    case 'meanGradient':
      return { kind: 'meanGradient', source: lowering.gradient(home.source) }
    case 'meanStatistic':
      return { kind: 'meanStatistic', source: statisticOffset(lowering, value) }
    case 'state':
      return { kind: 'state', source: lowering.state(value) }
    case 'updated': {
      const state = lowering.program.states.find(({ name }) => name === home.name)
      return { kind: 'state', source: lowering.state(state?.value ?? -1) }
    }
    case 'clippedGradient':
    case 'images':
    case 'labels':
      throw new Error(`Expected a computed value as output but received the ${home.kind}`)
  }
}

function statisticOffset(lowering: Lowering, value: ValueId): number {
  const home = lowering.home(value)
  const offset = home.kind === 'meanStatistic' ? lowering.exchange.statistics.get(home.source) : undefined
  if (offset === undefined) throw new Error(`Expected an all-reduced statistic but received %${value}, ${home.kind}`)
  return offset
}
