/**
 * Reads MATLAB 5 files (`MAT-File Format`, The MathWorks: tagged elements, each array an element that may be compressed
 * with zlib). Arrays of numbers, text and structs are understood; anything else is passed over. An array too large for
 * memory is given to a sink as it is decompressed.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflate } from 'node:zlib'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { ByteStream } from './byte-stream.ts'

/** A value of a file; arrays in MATLAB's order, the first axis fastest. */
export type MatValue =
  | { readonly kind: 'numbers'; readonly shape: readonly number[]; readonly data: readonly number[] }
  | { readonly kind: 'text'; readonly text: string }
  /** A struct array: for each element its fields. */
  | { readonly kind: 'structs'; readonly shape: readonly number[]; readonly items: readonly MatFields[] }
  | { readonly kind: 'other' }

export type MatFields = ReadonlyMap<string, MatValue>

/** Takes the bytes of one array of u8. */
export interface ByteSink {
  /** Before the bytes; `stop` ends the reading of the file here. */
  begin(shape: readonly number[]): 'read' | 'stop'
  /** Called until all `product(shape)` bytes have come. */
  write(bytes: Buffer): void
}

const HEADER_BYTES = 128
const ELEMENT = { int8: 1, uint8: 2, int32: 5, uint32: 6, matrix: 14, compressed: 15 } as const
const CLASS = { struct: 2, char: 4, uint8: 9 } as const
const FIRST_NUMERIC_CLASS = 6
const LAST_NUMERIC_CLASS = 15
/** What is read into memory at once; a larger element is passed over. */
const MOST_BYTES = 32 << 20
const DEEPEST = 8
const AGAIN = 'The file is damaged, or of another kind: remove it and fetch it again.'

/** Numeric element types: bytes of a number, and how to read one. */
const NUMBERS: Readonly<Record<number, readonly [bytes: number, read: (from: Buffer, at: number) => number]>> = {
  1: [1, (from, at) => from.readInt8(at)],
  2: [1, (from, at) => from.readUInt8(at)],
  3: [2, (from, at) => from.readInt16LE(at)],
  4: [2, (from, at) => from.readUInt16LE(at)],
  5: [4, (from, at) => from.readInt32LE(at)],
  6: [4, (from, at) => from.readUInt32LE(at)],
  7: [4, (from, at) => from.readFloatLE(at)],
  9: [8, (from, at) => from.readDoubleLE(at)],
  12: [8, (from, at) => Number(from.readBigInt64LE(at))],
  13: [8, (from, at) => Number(from.readBigUInt64LE(at))],
}

/** What is read, and for whom. */
interface Reading {
  readonly path: string
  readonly sinks: Readonly<Record<string, ByteSink>>
  readonly values: Map<string, MatValue>
  stopped: boolean
}

/**
 * @param chunks the file's bytes
 * @param path of the file, for messages
 * @param sinks by the name of the array; the others come back as values
 * @throws UserFault for another kind of file, and one that is damaged or cut off
 */
export async function readMat(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  sinks: Reading['sinks'] = {},
): Promise<MatFields> {
  const reading: Reading = { path, sinks, values: new Map(), stopped: false }
  const stream = new ByteStream(chunks, () => cutOff(path))
  await readHeader(stream, path)
  while (!reading.stopped && !(await stream.atEnd())) {
    const tag = await readTag(stream)
    if (tag.type === ELEMENT.compressed) await inflateElement(stream, tag.bytes, reading)
    else await readTopLevel(stream, tag, reading)
  }
  return reading.values
}

async function readHeader(stream: ByteStream, path: string): Promise<void> {
  const header = await stream.read(HEADER_BYTES)
  const remedy = 'Save it as MATLAB 5 (save -v6 or -v7; scipy.io.savemat does so), or fetch the published file again.'
  const start = header.toString('latin1', 0, 20).replace(/[^ -~]/g, '?')
  if (header.toString('latin1', 126) === 'MI') {
    throw expected('a little-endian MATLAB 5 file', path, 'a big-endian one', remedy)
  }
  if (header.toString('latin1', 126) !== 'IM' || header.readUInt16LE(124) !== 0x0100) {
    throw expected('a MATLAB 5 file', path, `one that begins with "${start}"`, remedy)
  }
}

async function inflateElement(stream: ByteStream, bytes: number, reading: Reading): Promise<void> {
  try {
    await pipeline(Readable.from(stream.take(bytes)), createInflate(), async (inflated: AsyncIterable<Buffer>) => {
      const inner = new ByteStream(inflated, () => cutOff(reading.path))
      await readTopLevel(inner, await readTag(inner), reading)
      if (reading.stopped) return await inner.close()
      // To the end, so that zlib checks its checksum.
      if (!(await inner.atEnd())) throw damaged(reading.path, `more than one array in an element`)
    })
  } catch (error) {
    if (reading.stopped) return
    // Aborted: the stream of zlib ends before its element does, or the element before its stream.
    if (error instanceof Error && 'code' in error && /^(Z_|ABORT_ERR$|ERR_STREAM_)/.test(String(error.code))) {
      throw new UserFault(`Expected intact compressed data for ${reading.path} but received damaged data`, AGAIN, {
        cause: error,
      })
    }
    throw error
  }
}

async function readTopLevel(stream: ByteStream, tag: Tag, reading: Reading): Promise<void> {
  // Nothing else stands between the arrays of a file: whoever went on would take bytes of an array for elements.
  if (tag.type !== ELEMENT.matrix || tag.data !== null) {
    throw damaged(reading.path, `an element of type ${tag.type} where an array was to be`)
  }
  const end = stream.position + tag.bytes
  const { name, value } = await readArray(stream, end, reading, 0)
  if (reading.stopped) return
  if (value.kind !== 'other') reading.values.set(name, value)
}

interface Tag {
  readonly type: number
  readonly bytes: number
  /** The data of a small element lies in its tag. */
  readonly data: Buffer | null
}

async function readTag(stream: ByteStream): Promise<Tag> {
  const tag = await stream.read(8)
  const [first, bytes] = [tag.readUInt32LE(0), tag.readUInt32LE(4)]
  const small = first >>> 16
  if (small === 0) return { type: first, bytes, data: null }
  return { type: first & 0xffff, bytes: Math.min(small, 4), data: tag.subarray(4, 4 + Math.min(small, 4)) }
}

/** The data of an element with its padding to 8 bytes taken away. */
async function readData(stream: ByteStream, tag: Tag, reading: Reading): Promise<Buffer> {
  if (tag.data !== null) return tag.data
  if (tag.bytes > MOST_BYTES) throw damaged(reading.path, `an element of ${tag.bytes} bytes where a few were to be`)
  const data = await stream.read(tag.bytes)
  await stream.skip(padded(tag.bytes) - tag.bytes)
  return data
}

const padded = (bytes: number) => Math.ceil(bytes / 8) * 8

/** @param end position at which the array's element ends; all of it is consumed */
async function readArray(
  stream: ByteStream,
  end: number,
  reading: Reading,
  depth: number,
): Promise<{ readonly name: string; readonly value: MatValue }> {
  if (stream.position === end) return { name: '', value: { kind: 'numbers', shape: [0, 0], data: [] } }
  if (depth > DEEPEST) throw damaged(reading.path, `structs within structs, ${depth} deep`)
  const flags = await readElement(stream, ELEMENT.uint32, reading)
  const arrayClass = flags[0] ?? 0
  const dimensions = await readElement(stream, ELEMENT.int32, reading)
  const shape = Array.from({ length: dimensions.length >> 2 }, (_, axis) => dimensions.readInt32LE(4 * axis))
  const elements = shape.reduce((product, size) => product * size, 1)
  if (shape.length < 2 || shape.some((size) => size < 0) || !Number.isSafeInteger(elements)) {
    throw damaged(reading.path, `an array of [${shape.join(', ')}]`)
  }
  const name = (await readElement(stream, ELEMENT.int8, reading)).toString('latin1')
  const value = await readContents(stream, end, reading, { name, arrayClass, shape, elements, depth })
  if (reading.stopped) return { name, value }
  if (stream.position > end) throw damaged(reading.path, `${name || 'an array'}, longer than its element`)
  await stream.skip(end - stream.position)
  return { name, value }
}

interface ArrayHeader {
  readonly name: string
  readonly arrayClass: number
  readonly shape: readonly number[]
  readonly elements: number
  readonly depth: number
}

async function readContents(stream: ByteStream, end: number, reading: Reading, header: ArrayHeader): Promise<MatValue> {
  const { name, arrayClass, shape, elements, depth } = header
  if (arrayClass === CLASS.struct) return readStructs(stream, end, reading, header)
  const numeric = arrayClass >= FIRST_NUMERIC_CLASS && arrayClass <= LAST_NUMERIC_CLASS
  if (!numeric && arrayClass !== CLASS.char) return { kind: 'other' }
  const tag = await readTag(stream)
  const sink = depth === 0 && Object.hasOwn(reading.sinks, name) ? reading.sinks[name] : undefined
  if (sink !== undefined) {
    if (arrayClass !== CLASS.uint8 || tag.type !== ELEMENT.uint8 || tag.bytes !== elements) {
      const received = `class ${arrayClass} of [${shape.join(', ')}] in ${tag.bytes} bytes`
      throw expected('an array of bytes (uint8)', `${name} of ${reading.path}`, received, AGAIN)
    }
    reading.stopped = sink.begin(shape) === 'stop'
    if (reading.stopped) return { kind: 'other' }
    if (tag.data !== null) sink.write(tag.data)
    else for await (const chunk of stream.take(tag.bytes)) sink.write(chunk)
    return { kind: 'other' }
  }
  if (tag.data === null && (tag.bytes > MOST_BYTES || stream.position + tag.bytes > end)) return { kind: 'other' }
  const data = await readData(stream, tag, reading)
  if (arrayClass === CLASS.char) return { kind: 'text', text: readText(tag.type, data) }
  const [bytes, read] = NUMBERS[tag.type] ?? [0, () => 0]
  if (bytes === 0 || data.length !== elements * bytes) {
    throw damaged(reading.path, `${data.length} bytes of type ${tag.type} for [${shape.join(', ')}] numbers`)
  }
  return { kind: 'numbers', shape, data: Array.from({ length: elements }, (_, index) => read(data, index * bytes)) }
}

/** Text is UTF-8 (16), UTF-16 (17 and, in older files, 4), or a byte a character. */
function readText(type: number, data: Buffer): string {
  return data.toString(type === 16 ? 'utf8' : type === 17 || type === 4 ? 'utf16le' : 'latin1')
}

async function readStructs(
  stream: ByteStream,
  end: number,
  reading: Reading,
  { shape, elements, depth }: ArrayHeader,
): Promise<MatValue> {
  const lengths = await readElement(stream, ELEMENT.int32, reading)
  const nameBytes = lengths.length === 4 ? lengths.readInt32LE(0) : 0
  const names = await readElement(stream, ELEMENT.int8, reading)
  if (nameBytes < 1 || names.length % nameBytes !== 0) throw damaged(reading.path, 'a struct with no field names')
  const fields = Array.from({ length: names.length / nameBytes }, (_, field) => {
    const text = names.toString('latin1', field * nameBytes, (field + 1) * nameBytes)
    return text.split('\0')[0] ?? ''
  })
  const items: MatFields[] = []
  // A damaged shape would have no end: nothing of the file is read for an item without fields.
  if (fields.length === 0) return { kind: 'structs', shape, items }
  for (let item = 0; item < elements; item++) {
    const values = new Map<string, MatValue>()
    for (const field of fields) {
      const tag = await readTag(stream)
      if (tag.type !== ELEMENT.matrix || tag.data !== null || stream.position + tag.bytes > end) {
        throw damaged(reading.path, `an element of type ${tag.type} for the field ${field}`)
      }
      values.set(field, (await readArray(stream, stream.position + tag.bytes, reading, depth + 1)).value)
    }
    items.push(values)
  }
  return { kind: 'structs', shape, items }
}

async function readElement(stream: ByteStream, type: number, reading: Reading): Promise<Buffer> {
  const tag = await readTag(stream)
  if (tag.type !== type) throw damaged(reading.path, `an element of type ${tag.type} where ${type} was to be`)
  return await readData(stream, tag, reading)
}

function cutOff(path: string): UserFault {
  return new UserFault(`Expected a whole MATLAB 5 file for ${path} but received one that is cut off`, AGAIN)
}

function damaged(path: string, received: string): UserFault {
  return expected('an intact MATLAB 5 file', path, received, AGAIN)
}
