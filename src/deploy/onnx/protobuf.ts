/** Protocol Buffers' wire format, as far as an ONNX file needs it (protobuf.dev, "Encoding"). */

const VARINT = 0
const LENGTH = 2
const FIXED32 = 5

/** One message while it is written; a field is left out where it is not written. */
export class ProtoMessage {
  readonly #parts: Uint8Array[] = []

  /** int32, int64, enum. */
  int(field: number, value: number | bigint): this {
    return this.#push(varint((field << 3) | VARINT), varint(value))
  }

  /** float. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#push(varint((field << 3) | FIXED32), bytes)
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#push(varint((field << 3) | LENGTH), varint(value.length), value)
  }

  message(field: number, value: ProtoMessage): this {
    const parts = value.#parts
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    return this.#push(varint((field << 3) | LENGTH), varint(length), ...parts)
  }

  /** The parts of the message, one behind the other: weights among them are not copied. */
  get parts(): readonly Uint8Array[] {
    return this.#parts
  }

  #push(...parts: readonly Uint8Array[]): this {
    for (const part of parts) this.#parts.push(part)
    return this
  }
}

/** Seven bits a byte, the lowest first; negative numbers as 64 bits of two's complement. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
