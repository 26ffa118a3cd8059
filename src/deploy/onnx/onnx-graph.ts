import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import { elementCount, type Shape } from '../../vocabulary/shape.ts'
import { FreshNames } from '../lowering/fresh-names.ts'
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './onnx-model.ts'

type Attributes = Readonly<Record<string, OnnxAttribute>>

export const int = (value: number): OnnxAttribute => ({ kind: 'int', value })
export const float = (value: number): OnnxAttribute => ({ kind: 'float', value })
export const ints = (...value: readonly number[]): OnnxAttribute => ({ kind: 'ints', value })

/** Collects nodes and constants; values are known by their names, each of which is given once. */
export class OnnxGraph {
  readonly nodes: OnnxNode[] = []
  readonly tensors: OnnxTensor[] = []
  readonly #names = new FreshNames()
  #label = ''

  /** Nodes are named after the layer from now on. */
  enter(label: string): void {
    this.#label = label
  }

  /** Appends a node. @returns the name of its output */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = this.#names.take(this.#label === '' ? op : `${this.#label}/${op}`)
    this.nodes.push({ name, op, inputs, output: name, attributes })
    return name
  }

  /** The name of a value as the output of the whole graph. */
  output(value: string, name: string): void {
    this.nodes.push({ name: this.#names.take(name), op: 'Identity', inputs: [value], output: name, attributes: {} })
  }

  /** Reserves a name for an input of the graph. */
  input(name: string): string {
    return this.#names.take(name)
  }

  /** A weight, under its own name. */
  weight({ name, shape, data }: NamedTensor): string {
    return this.tensor(name, shape, data)
  }

  tensor(name: string, shape: Shape, data: Float32Array): string {
    if (data.length !== elementCount(shape)) throw new Error(`Expected ${elementCount(shape)} elements for ${name}`)
    const fresh = this.#names.take(name)
    this.tensors.push({ name: fresh, shape, data })
    return fresh
  }

  /** A scalar, or values of a shape. */
  numbers(values: readonly number[], shape: Shape = []): string {
    return this.tensor(`${this.#label}/constant`, shape, Float32Array.from(values))
  }

  /** i64 [n], as operands that say axes and places are given. */
  places(...values: readonly number[]): string {
    const name = this.#names.take(`${this.#label}/places`)
    this.tensors.push({ name, shape: [values.length], data: BigInt64Array.from(values, BigInt) })
    return name
  }
}
