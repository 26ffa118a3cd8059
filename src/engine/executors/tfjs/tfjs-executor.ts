import * as tf from '@tensorflow/tfjs-core'
import { elementCount, printShape, sameShape } from '../../../vocabulary/shape.ts'
import { lastReads } from '../../graph/memory-plan.ts'
import { nameInputs, type OpName } from '../../graph/ops.ts'
import { type NamedValue, type NodeFor, type Program, typeOf, type ValueId } from '../../graph/program.ts'
import { findState, type StateLayout, viewState } from '../../graph/state-layout.ts'
import type { CompiledProgram, Executor, ReplicaPlace, RunInputs, SharedRunMemory } from '../executor.ts'
import { roundTensorToBf16 } from './bf16-rounding.ts'
import { kernelOf } from './kernels.ts'
import { abandonExchange, exchangeBytes, ReplicaExchange } from './replica-exchange.ts'
import { readTensor, storedShape, storeTensor } from './stored-layout.ts'
import { loadBackend, type TfjsBackend, useBackend } from './tfjs-backend.ts'

/**
 * Replays programs node by node with the kernels of a TensorFlow.js backend: `cpu` is JavaScript and runs anywhere,
 * `tensorflow` is what @tensorflow/tfjs-node or tfjs-node-gpu bring. bf16 values are f32 numbers rounded to bf16.
 * @throws UserFault where the backend is not installed
 */
export async function tfjsExecutor(backend: TfjsBackend): Promise<Executor> {
  await loadBackend(backend)
  return {
    name: 'tfjs',
    check: () => undefined,
    exchangeBytes: (programs, _layout, replicas) => exchangeBytes(programs, replicas),
    abandon: abandonExchange,
    compile: (program, layout, memory, place) => new Replay(backend, program, layout, memory, place),
  }
}

class Replay implements CompiledProgram {
  readonly #backend: TfjsBackend
  readonly #program: Program
  readonly #place: ReplicaPlace
  readonly #exchange: ReplicaExchange
  /** Elements of each state tensor in the shared state, by name. */
  readonly #states: ReadonlyMap<string, Float32Array>
  /** Values that node i is the last to read. */
  readonly #dying: readonly (readonly ValueId[])[]
  readonly #outputElements: number
  #disposed = false

  constructor(
    backend: TfjsBackend,
    program: Program,
    layout: StateLayout,
    memory: SharedRunMemory,
    place: ReplicaPlace,
  ) {
    this.#backend = backend
    this.#program = program
    this.#place = place
    this.#exchange = new ReplicaExchange(program, memory.exchange, place)
    this.#states = new Map(program.states.map((state) => [state.name, viewOf(program, layout, memory.state, state)]))
    const last = lastReads(program, (node) => node.inputs)
    this.#dying = program.nodes.map((_, index) => [...last].filter(([, to]) => to === index).map(([id]) => id))
    this.#outputElements = program.outputs.reduce((sum, { value }) => sum + elementsOf(program, value), 0)
  }

  run(inputs: RunInputs, outputs: Float32Array): void {
    if (this.#disposed) throw new Error(`Expected a live program but ${this.#program.name} was disposed`)
    try {
      checkLengths(this.#program, inputs, outputs, this.#outputElements)
      useBackend(this.#backend)
      this.#exchange.begin()
      tf.tidy(() => {
        const values = this.#upload(inputs)
        this.#program.nodes.forEach((node, index) => {
          this.#runNode(node, values)
          for (const id of this.#dying[index] ?? []) values.get(id)?.dispose()
        })
        this.#readOutputs(values, outputs)
        this.#writeState(values)
      })
    } catch (error) {
      this.#exchange.fail()
      throw error
    }
  }

  dispose(): void {
    this.#disposed = true
  }

  #upload({ images, labels, scalars }: RunInputs): Map<ValueId, tf.Tensor> {
    const program = this.#program
    const values = new Map<ValueId, tf.Tensor>()
    if (program.images !== null) {
      const { shape } = typeOf(program, program.images)
      values.set(program.images, tf.tensor(Float32Array.from(images), [...shape], 'float32'))
    }
    if (program.labels !== null) {
      const { shape } = typeOf(program, program.labels)
      values.set(program.labels, tf.tensor(Int32Array.from(labels), [...shape], 'int32'))
    }
    program.scalars.forEach(({ value }, place) => {
      values.set(value, tf.scalar(scalars[place] ?? Number.NaN))
    })
    for (const { name, value } of program.states) {
      // A copy: the backend keeps the array, and the state changes at the end of the run.
      const elements = Float32Array.from(this.#states.get(name) ?? [])
      values.set(value, storeTensor(elements, typeOf(program, value).shape))
    }
    return values
  }

  #runNode<N extends OpName>(node: NodeFor<N>, values: Map<ValueId, tf.Tensor>): void {
    const named = nameInputs(
      node,
      node.inputs.map((id) => find(values, id)),
    )
    const allReduceMean = (local: tf.Tensor) =>
      tf.tensor(this.#exchange.mean(local.dataSync<'float32'>()), local.shape, 'float32')
    const outputs = tf.tidy(() => {
      const computed = kernelOf(node.op)({ ...named, attributes: node.attributes, allReduceMean })
      return computed.map((tensor, place) => this.#typed(tensor, node, place))
    })
    outputs.forEach((tensor, place) => {
      const id = node.outputs[place]
      if (id !== undefined) values.set(id, tensor)
    })
  }

  /** The output in its type: rounded where it is bf16. @throws Error where the kernel made another shape */
  #typed<N extends OpName>(tensor: tf.Tensor, node: NodeFor<N>, place: number): tf.Tensor {
    const type = typeOf(this.#program, node.outputs[place] ?? -1)
    if (!sameShape(tensor.shape, storedShape(type.shape))) {
      const shapes = `${printShape(storedShape(type.shape))} but received ${printShape(tensor.shape)}`
      throw new Error(`Expected output ${place} of ${node.op} in layer ${node.label} to be ${shapes}`)
    }
    return type.dtype === 'bf16' ? roundTensorToBf16(tensor) : tensor
  }

  #readOutputs(values: ReadonlyMap<ValueId, tf.Tensor>, outputs: Float32Array): void {
    let offset = 0
    for (const { value } of this.#program.outputs) {
      const elements = readTensor(find(values, value))
      outputs.set(elements, offset)
      offset += elements.length
    }
  }

  /** Replica 0 writes, once all have read the state; nobody goes on before it is written. */
  #writeState(values: ReadonlyMap<ValueId, tf.Tensor>): void {
    const { nodes, updates } = this.#program
    if (updates.length === 0 && !nodes.some(({ op }) => op === 'AllReduceMean')) return
    this.#exchange.meet()
    if (this.#place.replica === 0) {
      for (const { name, value } of updates) this.#states.get(name)?.set(readTensor(find(values, value)))
    }
    this.#exchange.meet()
  }
}

function elementsOf(program: Program, value: ValueId): number {
  return elementCount(typeOf(program, value).shape)
}

function find(values: ReadonlyMap<ValueId, tf.Tensor>, id: ValueId): tf.Tensor {
  const tensor = values.get(id)
  if (tensor === undefined) throw new Error(`Expected value ${id} to be computed before it is read`)
  return tensor
}

function viewOf(program: Program, layout: StateLayout, state: SharedArrayBuffer, { name, value }: NamedValue) {
  const tensor = findState(layout, name)
  const { shape } = typeOf(program, value)
  if (!sameShape(shape, tensor.shape)) {
    const shapes = `${printShape(shape)} but received ${printShape(tensor.shape)}`
    throw new Error(`Expected ${name} in the layout to be ${shapes}`)
  }
  return viewState(tensor, state)
}

function checkLengths(program: Program, inputs: RunInputs, outputs: Float32Array, outputElements: number): void {
  const lengths = [
    ['pixels', inputs.images.length, program.images === null ? null : elementsOf(program, program.images)],
    ['labels', inputs.labels.length, program.labels === null ? null : elementsOf(program, program.labels)],
    ['scalars', inputs.scalars.length, program.scalars.length],
    ['outputs', outputs.length, outputElements],
  ] as const
  for (const [name, received, wanted] of lengths) {
    if (wanted !== null && received !== wanted) {
      throw new Error(`Expected ${wanted} ${name} for program ${program.name} but received ${received}`)
    }
  }
}
