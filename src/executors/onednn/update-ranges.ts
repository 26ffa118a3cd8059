import { typeOf, type ValueId } from '../../graph/program.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import type { Lowering } from './lowering.ts'
import type { PlanExport, RunningAverageRange, SgdRange } from './plan-words.ts'

const LINE_ELEMENTS = 16

/** The optimiser's nodes as ranges of the flat state, neighbours of one kind joined. */
export function sgdRanges(lowering: Lowering): SgdRange[] {
  const ranges: SgdRange[] = []
  for (const node of lowering.program.nodes) {
    if (node.op !== 'SgdNesterov') continue
    const [weight = -1, momentum = -1, gradient = -1, rate = -1] = node.inputs
    const home = lowering.home(gradient)
    if (home.kind !== 'meanGradient') throw new Error(`Expected an all-reduced gradient for ${node.label}`)
    const elements = elementCount(typeOf(lowering.program, weight).shape)
    ranges.push({
      weight: lowering.state(weight),
      momentum: lowering.state(momentum),
      gradient: lowering.gradient(home.source),
      elements: Math.ceil(elements / LINE_ELEMENTS) * LINE_ELEMENTS,
      rate: lowering.uniformScalar(rate),
      decay: node.attributes.momentum,
      weightDecay: node.attributes.weightDecay,
    })
  }
  return joinNeighbours(ranges.sort((a, b) => a.weight - b.weight))
}

function joinNeighbours(ranges: readonly SgdRange[]): SgdRange[] {
  const joined: SgdRange[] = []
  for (const range of ranges) {
    const last = joined.at(-1)
    const follows =
      last !== undefined &&
      (['weight', 'momentum', 'gradient'] as const).every((key) => last[key] + last.elements === range[key]) &&
      (['rate', 'decay', 'weightDecay'] as const).every((key) => last[key] === range[key])
    if (follows) joined.splice(-1, 1, { ...last, elements: last.elements + range.elements })
    else joined.push(range)
  }
  return joined
}

export function runningAverages(lowering: Lowering): RunningAverageRange[] {
  return lowering.program.nodes.flatMap((node): RunningAverageRange[] => {
    if (node.op !== 'RunningAverage') return []
    const [running = -1, statistic = -1] = node.inputs
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
