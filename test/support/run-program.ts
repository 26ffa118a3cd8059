import type { Executor } from '../../src/engine/executors/executor.ts'
import { type Program, typeOf } from '../../src/engine/graph/program.ts'
import { findState, layOutState, type StateLayout, viewState } from '../../src/engine/graph/state-layout.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'

export interface ProgramInputs {
  /** Elements of state tensors by name; the others are zero. */
  readonly state?: ReadonlyMap<string, Float32Array>
  readonly images?: Uint8Array
  readonly labels?: Int32Array
  readonly scalars?: readonly number[]
  /** Where the state lies; by default `layoutOf(program)`. */
  readonly layout?: StateLayout
  /** Cores of the one replica. */
  readonly cores?: readonly number[]
  /** How many times the program runs, on the state it left. */
  readonly runs?: number
}

export interface ProgramRun {
  /** Outputs of the last run by name. */
  readonly outputs: ReadonlyMap<string, Float32Array>
  /** State tensors after the last run. */
  readonly state: ReadonlyMap<string, Float32Array>
}

/** States that optimizers have, before the name of their weight. */
const SLOT = /^(momentum|exp_avg|exp_avg_sq|ema)\.(.*)/

/** A layout for a program's own state: a tensor with an optimizer's states is a weight, the others are statistics. */
export function layoutOf(program: Program): StateLayout {
  const tensors = program.states.map(({ name, value }) => ({ name, shape: typeOf(program, value).shape }))
  const states = tensors.flatMap(({ name }) => {
    const [, slot, weight] = SLOT.exec(name) ?? []
    return slot === undefined || weight === undefined ? [] : [{ name, slot, weight }]
  })
  const isWeight = ({ name }: { readonly name: string }) => states.some(({ weight }) => weight === name)
  const isState = ({ name }: { readonly name: string }) => states.some((state) => state.name === name)
  const weights = tensors.filter(isWeight)
  return layOutState(
    weights,
    tensors.filter((tensor) => !isWeight(tensor) && !isState(tensor)),
    [],
    [...new Set(states.map(({ slot }) => slot))],
  )
}

/** Compiles a program for one replica, runs it and frees it. */
export function runProgram(executor: Executor, program: Program, inputs: ProgramInputs = {}): ProgramRun {
  const { layout = layoutOf(program), cores = [0], runs = 1 } = inputs
  const memory = {
    state: new SharedArrayBuffer(layout.elements * 4),
    exchange: new SharedArrayBuffer(executor.exchangeBytes([program], layout, 1)),
  }
  for (const [name, elements] of inputs.state ?? []) viewState(findState(layout, name), memory.state).set(elements)
  const compiled = executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores })
  const outputs = new Float32Array(outputElements(program))
  try {
    for (let run = 0; run < runs; run++) {
      compiled.run(
        {
          images: inputs.images ?? new Uint8Array(program.images === null ? 0 : elementsOf(program, program.images)),
          labels: inputs.labels ?? new Int32Array(program.labels === null ? 0 : program.batch),
          scalars: Float32Array.from(inputs.scalars ?? []),
        },
        outputs,
      )
    }
    executor.pullState?.(memory)
  } finally {
    compiled.dispose()
  }
  const after = layout.tensors.map((tensor): [string, Float32Array] => {
    return [tensor.name, Float32Array.from(viewState(tensor, memory.state))]
  })
  return { outputs: splitOutputs(program, outputs), state: new Map(after) }
}

/** Elements of all outputs of a program. */
export function outputElements(program: Program): number {
  return program.outputs.reduce((sum, { value }) => sum + elementsOf(program, value), 0)
}

/** The flat outputs of a run by name. */
export function splitOutputs(program: Program, outputs: Float32Array): Map<string, Float32Array> {
  let offset = 0
  return new Map(
    program.outputs.map(({ name, value }): [string, Float32Array] => {
      const elements = elementsOf(program, value)
      offset += elements
      return [name, outputs.slice(offset - elements, offset)]
    }),
  )
}

function elementsOf(program: Program, value: number): number {
  return elementCount(typeOf(program, value).shape)
}
