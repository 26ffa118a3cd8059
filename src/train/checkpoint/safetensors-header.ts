/**
 * The header of a safetensors file: 8 bytes of length (u64, little-endian), then that many bytes of JSON,
 * `{"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {..}}`, padded with spaces
 * so that the data behind it begins on 8 bytes. Same checks as the reference implementation (huggingface/safetensors).
 */
import { DamagedFile } from '../../vocabulary/fault.ts'
import { elementCount, printShape, type Shape } from '../../vocabulary/shape.ts'

/** Bytes of an element of each type the format knows and that this program may meet. */
const BYTES_OF = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const
export type SafetensorsDType = keyof typeof BYTES_OF

export interface HeaderEntry {
  readonly name: string
  readonly dtype: SafetensorsDType
  readonly shape: Shape
  /** First byte behind the header, and the byte after the last. */
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  readonly entries: readonly HeaderEntry[]
  readonly metadata: Readonly<Record<string, string>>
}

const WRITE_AGAIN =
  'Copy or write the file again; Python writes one with safetensors.torch.save_file(state_dict, path).'

/** Length of the JSON that the reference implementation accepts. */
export const MAX_HEADER_BYTES = 100_000_000

/** Header of f32 tensors that lie one behind the other in the order given, 8 bytes of length included. */
export function encodeHeader(
  tensors: readonly { readonly name: string; readonly shape: Shape }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header = new Map<string, unknown>()
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata)
  let begin = 0
  for (const { name, shape } of tensors) {
    if (header.has(name) || name === '__metadata__') throw new Error(`Two tensors are named ${name}`)
    const end = begin + elementCount(shape) * BYTES_OF.F32
    header.set(name, { dtype: 'F32', shape, data_offsets: [begin, end] })
    begin = end
  }
  // Not Object.fromEntries: an object puts names that look like whole numbers first.
  const members = [...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  const json = Buffer.from(`{${members.join(',')}}`)
  const padded = Math.ceil(json.byteLength / 8) * 8
  const bytes = Buffer.alloc(8 + padded, ' ')
  bytes.writeBigUInt64LE(BigInt(padded), 0)
  json.copy(bytes, 8)
  return bytes
}

/**
 * @param json the header without its length
 * @param dataBytes bytes of the file behind the header
 * @throws UserFault where the header is not one, or does not describe exactly those bytes
 */
export function decodeHeader(json: Uint8Array, dataBytes: number, path: string): SafetensorsHeader {
  const entries: HeaderEntry[] = []
  let metadata: Readonly<Record<string, string>> = {}
  for (const [name, value] of Object.entries(parseObject(json, path))) {
    if (name === '__metadata__') metadata = checkMetadata(value, path)
    else entries.push(checkEntry(name, value, path))
  }
  entries.sort((left, right) => left.begin - right.begin || left.end - right.end)
  let covered = 0
  for (const entry of entries) {
    if (entry.begin !== covered) {
      throw damaged(
        path,
        `tensor ${entry.name} begins at byte ${entry.begin} of the data where ${covered} was expected`,
      )
    }
    covered = entry.end
  }
  if (covered > dataBytes) {
    throw damaged(path, `the header describes ${covered} bytes of tensors and the file holds ${dataBytes} (truncated?)`)
  }
  if (covered < dataBytes) throw damaged(path, `${dataBytes - covered} bytes lie behind the last tensor`)
  return { entries, metadata }
}

/** A safetensors file that cannot be read, with what is wrong in it. */
export function damaged(path: string, problem: string, remedy = WRITE_AGAIN): DamagedFile {
  return new DamagedFile(
    `Expected a complete safetensors file for ${path} but received one that cannot be read: ${problem}.`,
    remedy,
  )
}

function parseObject(json: Uint8Array, path: string): object {
  if (json[0] !== 0x7b) throw damaged(path, 'its header does not begin with {')
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Falls through: whatever the parser said, the header is no JSON object.
  }
  throw damaged(path, 'its header is not valid JSON')
}

function checkMetadata(value: unknown, path: string): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {}
  if (typeof value !== 'object' || value === null) throw damaged(path, '__metadata__ is not an object')
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw damaged(path, `__metadata__.${key} is not a string`)
    checked[key] = text
  }
  return checked
}

function checkEntry(name: string, value: unknown, path: string): HeaderEntry {
  if (typeof value !== 'object' || value === null) throw damaged(path, `the entry of tensor ${name} is not an object`)
  const dtype = 'dtype' in value ? value.dtype : undefined
  const shape = 'shape' in value ? value.shape : undefined
  const offsets = 'data_offsets' in value ? value.data_offsets : undefined
  if (!isDType(dtype)) throw damaged(path, `tensor ${name} has the unknown type ${JSON.stringify(dtype)}`)
  if (!isSizes(shape)) throw damaged(path, `tensor ${name} has no valid shape`)
  if (!isSizes(offsets) || offsets.length !== 2) throw damaged(path, `tensor ${name} has no valid data_offsets`)
  const [begin = 0, end = 0] = offsets
  if (end - begin !== elementCount(shape) * BYTES_OF[dtype]) {
    throw damaged(path, `tensor ${name} of ${dtype} ${printShape(shape)} has ${end - begin} bytes`)
  }
  return { name, dtype, shape, begin, end }
}

function isDType(value: unknown): value is SafetensorsDType {
  return typeof value === 'string' && Object.hasOwn(BYTES_OF, value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}
