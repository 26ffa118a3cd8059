/** An ONNX model as plain data, and as the bytes of its file (onnx.proto3 of the ONNX project names messages and fields). */
import type { Shape } from '../../vocabulary/shape.ts'
import { ProtoMessage } from './protobuf.ts'

export type OnnxAttribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }

export interface OnnxNode {
  readonly name: string
  readonly op: string
  readonly inputs: readonly string[]
  readonly output: string
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
}

/** A constant. */
export interface OnnxTensor {
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array | BigInt64Array
}

export interface OnnxValue {
  readonly name: string
  readonly type: 'float' | 'uint8'
  /** A text names a size that each run chooses. */
  readonly shape: readonly (number | string)[]
}

export interface OnnxModel {
  readonly name: string
  readonly producerVersion: string
  readonly nodes: readonly OnnxNode[]
  readonly tensors: readonly OnnxTensor[]
  readonly input: OnnxValue
  readonly output: OnnxValue
  readonly metadata: Readonly<Record<string, string>>
}

/** Of the operations that are used; runtimes from ONNX 1.12 (June 2022) on read it. */
const OPSET = 17
/** The format of the file that came with opset 17. */
const IR_VERSION = 8

const DATA_TYPES = { float: 1, uint8: 2, int64: 7 } as const
/** AttributeProto.AttributeType, and the field that holds a value of it. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, ints: 7 } as const

/** ModelProto. */
export function encodeModel(model: OnnxModel): readonly Uint8Array[] {
  const message = new ProtoMessage()
    .int(1, IR_VERSION)
    .string(2, 'native-ensemble')
    .string(3, model.producerVersion)
    .message(7, encodeGraph(model))
    .message(8, new ProtoMessage().string(1, '').int(2, OPSET))
  for (const [key, value] of Object.entries(model.metadata)) {
    message.message(14, new ProtoMessage().string(1, key).string(2, value))
  }
  return message.parts
}

/** GraphProto. */
function encodeGraph({ name, nodes, tensors, input, output }: OnnxModel): ProtoMessage {
  const graph = new ProtoMessage()
  for (const node of nodes) graph.message(1, encodeNode(node))
  graph.string(2, name)
  for (const tensor of tensors) graph.message(5, encodeTensor(tensor))
  return graph.message(11, encodeValue(input)).message(12, encodeValue(output))
}

/** NodeProto. */
function encodeNode({ name, op, inputs, output, attributes }: OnnxNode): ProtoMessage {
  const node = new ProtoMessage()
  for (const input of inputs) node.string(1, input)
  node.string(2, output).string(3, name).string(4, op)
  for (const [key, attribute] of Object.entries(attributes)) node.message(5, encodeAttribute(key, attribute))
  return node
}

/** AttributeProto. */
function encodeAttribute(name: string, attribute: OnnxAttribute): ProtoMessage {
  const message = new ProtoMessage().string(1, name)
  if (attribute.kind === 'float') message.float(2, attribute.value)
  else if (attribute.kind === 'int') message.int(3, attribute.value)
  else for (const value of attribute.value) message.int(8, value)
  return message.int(20, ATTRIBUTE_TYPES[attribute.kind])
}

/** TensorProto, its elements as little-endian bytes. */
function encodeTensor({ name, shape, data }: OnnxTensor): ProtoMessage {
  const tensor = new ProtoMessage()
  for (const size of shape) tensor.int(1, size)
  return tensor
    .int(2, data instanceof Float32Array ? DATA_TYPES.float : DATA_TYPES.int64)
    .string(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

/** ValueInfoProto of a tensor. */
function encodeValue({ name, type, shape }: OnnxValue): ProtoMessage {
  const sizes = new ProtoMessage()
  for (const size of shape) {
    const dimension = new ProtoMessage()
    sizes.message(1, typeof size === 'number' ? dimension.int(1, size) : dimension.string(2, size))
  }
  const tensor = new ProtoMessage().int(1, DATA_TYPES[type]).message(2, sizes)
  return new ProtoMessage().string(1, name).message(2, new ProtoMessage().message(1, tensor))
}
