/** A TensorFlow graph as the JSON that TensorFlow.js' GraphModel reads: tensorflow.GraphDef in the JSON form of Protocol Buffers. */
import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import { elementCount, type Shape } from '../../vocabulary/shape.ts'
import { FreshNames } from '../lowering/fresh-names.ts'

/** Whole numbers are texts in that form, and bytes are in Base64. */
export type AttributeValue =
  | { readonly type: 'DT_FLOAT' | 'DT_INT32' }
  | { readonly s: string }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly i: string }
  | { readonly list: { readonly i: readonly string[] } }
  | { readonly shape: { readonly dim: readonly { readonly size: string }[] } }

export interface GraphNode {
  readonly name: string
  readonly op: string
  readonly input?: readonly string[]
  readonly attr: Readonly<Record<string, AttributeValue>>
}

/** A constant, whose elements lie in the weight files. */
export interface GraphWeight {
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array | Int32Array
}

export const word = (value: string): AttributeValue => ({ s: Buffer.from(value).toString('base64') })
export const ints = (...values: readonly number[]): AttributeValue => ({ list: { i: values.map(String) } })
export const FLOAT: AttributeValue = { type: 'DT_FLOAT' }
const INT: AttributeValue = { type: 'DT_INT32' }

/** Collects nodes and constants; values are known by their names, each of which is given once. */
export class GraphDef {
  readonly nodes: GraphNode[] = []
  readonly weights: GraphWeight[] = []
  readonly #names = new FreshNames()
  #label = ''

  /** Nodes are named after the layer from now on. */
  enter(label: string): void {
    this.#label = label.replaceAll('.', '/')
  }

  /** Appends a node. @returns its name, which is that of its output */
  node(op: string, input: readonly string[], attr: GraphNode['attr'] = {}): string {
    const name = this.#names.take(this.#label === '' ? op : `${this.#label}/${op}`)
    this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } })
    return name
  }

  /** The graph's input, f32. */
  placeholder(name: string, shape: Shape): string {
    const fresh = this.#names.take(name)
    const dim = shape.map((size) => ({ size: String(size) }))
    this.nodes.push({ name: fresh, op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: { dim } } } })
    return fresh
  }

  /** A value as the output of the whole graph. */
  output(value: string, name: string): void {
    this.#label = ''
    this.nodes.push({ name: this.#names.take(name), op: 'Identity', input: [value], attr: { T: FLOAT } })
  }

  /** A weight, under its own name. */
  weight({ name, shape, data }: NamedTensor): string {
    return this.#constant(name.replaceAll('.', '/'), shape, data)
  }

  /** f32 values of a shape. */
  numbers(values: readonly number[], shape: Shape = []): string {
    return this.#constant(`${this.#label}/constant`, shape, Float32Array.from(values))
  }

  /** i32 [n], as operands that say axes, places and paddings are given; a shape where it is another. */
  places(values: readonly number[], shape: Shape = [values.length]): string {
    return this.#constant(`${this.#label}/places`, shape, Int32Array.from(values))
  }

  #constant(wanted: string, shape: Shape, data: GraphWeight['data']): string {
    if (data.length !== elementCount(shape)) throw new Error(`Expected ${elementCount(shape)} elements for ${wanted}`)
    const name = this.#names.take(wanted)
    const dim = shape.map((size) => ({ size: String(size) }))
    const attr = { dtype: data instanceof Float32Array ? FLOAT : INT, shape: { shape: { dim } } }
    this.nodes.push({ name, op: 'Const', attr })
    this.weights.push({ name, shape, data })
    return name
  }
}
