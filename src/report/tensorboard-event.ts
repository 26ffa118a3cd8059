/**
 * Records of a TensorBoard event file. A record is TFRecord framing (u64 length, masked CRC-32C of it, data, masked
 * CRC-32C of the data) around a protobuf `tensorflow.Event` (tensorflow/core/util/event.proto, summary.proto):
 * `Event {1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary, 7: SessionLog}`,
 * `Summary {1: repeated Value {1: string tag, 2: float simple_value}}`, `SessionLog {1: enum status, START = 1}`.
 */
import { maskedCrc32c } from './crc32c.ts'

/** What an event file begins with. */
export function versionRecord(wallSeconds: number): Uint8Array {
  return frame([double(1, wallSeconds), text(3, 'brain.Event:2')])
}

/** Tells TensorBoard that a run (re)starts here: values of this step and later in older files are dropped. */
export function restartRecord(wallSeconds: number, step: number): Uint8Array {
  return frame([double(1, wallSeconds), int(2, step), message(7, [int(1, 1)])])
}

/** Values of one step, by tag. */
export function scalarsRecord(wallSeconds: number, step: number, scalars: ReadonlyMap<string, number>): Uint8Array {
  const values = [...scalars].map(([tag, value]) => message(1, [text(1, tag), float(2, value)]))
  return frame([double(1, wallSeconds), int(2, step), message(5, values)])
}

function frame(fields: readonly Uint8Array[]): Uint8Array {
  const data = Buffer.concat(fields)
  const record = Buffer.alloc(8 + 4 + data.byteLength + 4)
  record.writeBigUInt64LE(BigInt(data.byteLength), 0)
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8)
  data.copy(record, 12)
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.byteLength)
  return record
}

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

const key = (field: number, wireType: number) => varint(field * 8 + wireType)

function int(field: number, value: number): Uint8Array {
  return Buffer.concat([key(field, VARINT), varint(value)])
}

function double(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([key(field, FIXED64), bytes])
}

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([key(field, FIXED32), bytes])
}

function text(field: number, value: string): Uint8Array {
  return message(field, [Buffer.from(value)])
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const data = Buffer.concat(parts)
  return Buffer.concat([key(field, LENGTH_DELIMITED), varint(data.byteLength), data])
}
