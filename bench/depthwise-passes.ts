/** Convolutions of single channels and their gradients on the executor cpu, as the depthwise benchmark times them. */
import type { CpuExecutor } from '../src/engine/executors/cpu/cpu-executor.ts'
import { GraphBuilder, type Value } from '../src/engine/graph/graph-builder.ts'
import type { Program } from '../src/engine/graph/program.ts'
import { findState, layOutState, viewState } from '../src/engine/graph/state-layout.ts'
import type { ComputeDType } from '../src/vocabulary/dtype.ts'
import { randomStream } from '../src/vocabulary/random.ts'
import type { DepthwiseLayer } from './depthwise-layers.ts'

export const PASSES = ['forward', 'input', 'filter'] as const
export type Pass = (typeof PASSES)[number]
/** Milliseconds of each run. */
export type PassTimes = Readonly<Record<Pass, readonly number[]>>

const OPS: Readonly<Record<Pass, string>> = {
  forward: 'Conv2D',
  input: 'Conv2DBackpropInput',
  filter: 'Conv2DBackpropFilter',
}

export interface PassRun {
  readonly layer: DepthwiseLayer
  readonly dtype: ComputeDType
  readonly batch: number
  readonly cores: readonly number[]
  readonly runs: number
}

/** Times by the addon's clock in the first thread, which has as many images as the others; one run before is not counted. */
export function timePasses(executor: CpuExecutor, { layer, dtype, batch, cores, runs }: PassRun): PassTimes {
  const program = captureLayer(layer, dtype, batch)
  const layout = layOutState(
    [],
    program.states.map(({ name, value }) => ({ name, shape: program.values[value]?.shape ?? [] })),
    [],
    [],
  )
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1)),
  }
  program.states.forEach(({ name }, place) => {
    fillWithDrawn(viewState(findState(layout, name), memory.state), place)
  })
  const compiled = executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores })
  const times: Record<Pass, number[]> = { forward: [], input: [], filter: [] }
  const inputs = { images: new Uint8Array(0), labels: new Int32Array(0), scalars: new Float32Array(0) }
  const outputs = new Float32Array(layer.channels * layer.kernel ** 2)
  try {
    compiled.run(inputs, outputs)
    for (let run = 0; run < runs; run++) {
      compiled.profile(true)
      compiled.run(inputs, outputs)
      const instructions = compiled.times()
      for (const pass of PASSES) {
        times[pass].push(instructions.find(({ op }) => op === OPS[pass])?.milliseconds ?? Number.NaN)
      }
    }
  } finally {
    compiled.dispose()
  }
  return times
}

/** Numbers of a few thousand draws, over and over: as many draws as a layer has pixels would take longer than all its runs. */
function fillWithDrawn(view: Float32Array, stream: number): void {
  const random = randomStream(1, 'perturbation', stream)
  const drawn = Float32Array.from({ length: Math.min(view.length, 4099) }, () => random.uniform() - 0.5)
  for (let begin = 0; begin < view.length; begin += drawn.length) {
    view.set(drawn.subarray(0, Math.min(drawn.length, view.length - begin)), begin)
  }
}

/** The convolution and both gradients; the gradient of the filters is what the program gives. */
function captureLayer({ channels, size, kernel, stride }: DepthwiseLayer, dtype: ComputeDType, batch: number): Program {
  const graph = new GraphBuilder(batch)
  const attributes = { stride, padding: Math.floor(kernel / 2), groups: channels }
  const operand = (name: string, shape: readonly number[]): Value => {
    const state = graph.state(name, shape)
    return dtype === 'f32' ? state : graph.applyOne('Cast', [state], { dtype })
  }
  const x = operand('x', [batch, channels, size, size])
  const w = operand('w', [channels, 1, kernel, kernel])
  const y = graph.applyOne('Conv2D', [x, w], attributes)
  const dy = operand('dy', y.shape)
  graph.applyOne('Conv2DBackpropInput', [dy, w], { ...attributes, inputShape: x.shape })
  const filter = graph.applyOne('Conv2DBackpropFilter', [x, dy], { ...attributes, filterShape: w.shape })
  return graph.finish('depthwise', [{ name: 'dw', value: filter }])
}
