import type { Executor } from '../../src/engine/executors/executor.ts'
import { removeDeadNodes } from '../../src/engine/graph/dead-code.ts'
import { GraphBuilder, type Value } from '../../src/engine/graph/graph-builder.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { Optimizer } from '../../src/engine/optimizers/optimizer.ts'
import { elementCount, type Shape } from '../../src/vocabulary/shape.ts'
import { runProgram } from './run-program.ts'

/** Rows of a matrix, and the batch of the program. */
export const ROWS = 5

/** Weights by name: matrices of ROWS rows, and vectors. */
export type Shapes = Readonly<Record<string, Shape>>
export type Tensors = ReadonlyMap<string, Float32Array>

/**
 * One update of each weight. Gradients arrive as in a network, from linear layers: of a matrix as dy^T x with dy the identity, of
 * a vector as the sum of dy over the batch.
 * @param clipNorm largest norm of all gradients, null = as they are
 */
export function captureUpdates(optimizer: Optimizer, shapes: Shapes, clipNorm: number | null = null): Program {
  const graph = new GraphBuilder(ROWS)
  const identity = graph.state('identity', [ROWS, ROWS])
  const first = (values: Value[], place: number) => {
    const value = values[place]
    if (value === undefined) throw new Error('Expected a gradient')
    return value
  }
  const gradients = Object.entries(shapes).map(([name, shape]): [name: string, local: Value] => {
    const width = shape.at(-1) ?? 0
    const fed = graph.state(`gradient of ${name}`, [ROWS, width])
    const ofMatrix = shape.length > 1
    const operands = ofMatrix ? [fed, identity] : [identity, fed]
    return [name, first(graph.apply('LinearBackpropWeights', operands, {}), ofMatrix ? 0 : 1)]
  })
  const scalars = ['learning_rate', ...Object.keys(optimizer.scalars)].map((name) => graph.scalar(name))
  const means = gradients.map(([name, local]) => graph.applyOne('AllReduceMean', [local], {}, name))
  const used = clipNorm === null ? means : graph.apply('ClipByGlobalNorm', means, { largestNorm: clipNorm })
  const updates = graph.phase('update', () =>
    gradients.flatMap(([name], place) => {
      const gradient = first([...used], place)
      const weight = graph.state(name, gradient.shape)
      const slots = optimizer.states.map((slot) => `${slot}.${name}`)
      const states = slots.map((slot) => graph.state(slot, gradient.shape))
      const values = optimizer.update(graph, { name, weight, states, gradient, scalars })
      return values.map((value, place) => ({ name: slots[place - 1] ?? name, value }))
    }),
  )
  return removeDeadNodes(graph.finish('updates', [], updates))
}

export interface OptimizerRun {
  readonly optimizer: Optimizer
  /** Default: gradients as they are. */
  readonly clipNorm?: number
  readonly shapes: Shapes
  readonly start: Tensors
  /** Of each update, by the weight's name. */
  readonly gradients: readonly Tensors[]
  /** Of each update. */
  readonly rates: readonly number[]
}

/** Weights and states after each update. */
export function runUpdates(executor: Executor, run: OptimizerRun, cores: readonly number[] = [0]): Tensors[] {
  const { optimizer, shapes, gradients, rates } = run
  const program = captureUpdates(optimizer, shapes, run.clipNorm)
  const identity = Float32Array.from({ length: ROWS * ROWS }, (_, place) => (place % (ROWS + 1) === 0 ? 1 : 0))
  let state: Tensors = run.start
  return gradients.map((given, index) => {
    const fed = [...given].map(([name, gradient]): [string, Float32Array] => {
      // A vector's is the first of the rows that are summed up.
      const rows = new Float32Array(ROWS * (shapes[name]?.at(-1) ?? 0))
      rows.set(gradient)
      return [`gradient of ${name}`, rows]
    })
    const scalars = [rates[index] ?? Number.NaN, ...Object.values(optimizer.scalars).map((at) => at(index + 1))]
    const inputs = new Map([...state, ...fed, ['identity', identity]])
    const after = runProgram(executor, program, { state: inputs, scalars, cores }).state
    state = new Map([...after].filter(([name]) => name !== 'identity' && !name.startsWith('gradient of ')))
    return state
  })
}

export const sizeOf = (shapes: Shapes, name: string) => elementCount(shapes[name] ?? [])
