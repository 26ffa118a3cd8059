/**
 * Reads and writes safetensors files, the format in which weights travel between this program and PyTorch. What we write
 * carries a checksum (file-seal.ts), and is refused where it does not hold; files of others have none.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { elementCount, printShape, type Shape } from '../../vocabulary/shape.ts'
import { checkSeal, SEAL, setSeal } from './file-seal.ts'
import { damaged, decodeHeader, encodeHeader, MAX_HEADER_BYTES, type SafetensorsDType } from './safetensors-header.ts'

/** A tensor in memory, row-major. */
export interface NamedTensor {
  /** PyTorch's parameter name, e.g. `layer1.0.conv1.weight`. */
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array
}

/** A tensor of a file, widened to f32; `dtype` is the file's. */
export interface StoredTensor extends NamedTensor {
  readonly dtype: SafetensorsDType
}

/**
 * Writes f32 tensors and waits until they are on the disk. Order in the file: by name, as the reference
 * implementation has it.
 * @returns the checksum that the file carries
 * @throws UserFault where the path cannot be written; an existing file is replaced in place (write aside and rename
 *   where that matters, as saveCheckpoint does)
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<number> {
  const sorted = [...tensors].sort((left, right) => compareBytes(left.name, right.name))
  for (const { name, shape, data } of sorted) {
    if (data.length !== elementCount(shape)) {
      throw new Error(`Expected ${printShape(shape)} elements for ${name} but received ${data.length}`)
    }
  }
  try {
    const file = await open(path, 'w')
    try {
      const header = encodeHeader(sorted, { ...metadata, ...SEAL })
      const contents = sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      const checksum = contents.reduce((sum, bytes) => crc32(bytes, sum), crc32(header))
      setSeal(header, checksum)
      for (const bytes of [header, ...contents]) await file.writeFile(bytes)
      await file.sync()
      return checksum
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFault(error, 'write', path)
  }
}

export interface ReadSafetensorsOptions {
  /** Tensors for which this says true are passed over, whatever their type. */
  readonly ignore?: (name: string) => boolean
}

/** A file as a whole. */
export interface SafetensorsFile {
  /** In the order of their names. */
  readonly tensors: readonly StoredTensor[]
  readonly metadata: Readonly<Record<string, string>>
  /** What the file carries, and what holds; null in files that we did not write. */
  readonly checksum: number | null
}

/** Tensors of a file, as readSafetensorsFile has them. @throws UserFault as readSafetensorsFile */
export async function readSafetensors(path: string, options: ReadSafetensorsOptions = {}): Promise<StoredTensor[]> {
  return [...(await readSafetensorsFile(path, options)).tensors]
}

/**
 * Reads a file and checks it: every byte of those that we wrote, the form of all others.
 * @throws UserFault where the file is missing, damaged, or has a tensor that is not F32, F16 or BF16
 */
export async function readSafetensorsFile(
  path: string,
  options: ReadSafetensorsOptions = {},
): Promise<SafetensorsFile> {
  const ignore = options.ignore ?? (() => false)
  try {
    const file = await open(path, 'r')
    try {
      const { entries, metadata, header } = await readHeader(file, path)
      const odd = entries.filter(({ name, dtype }) => !ignore(name) && !isFloat(dtype))
      const tensors: StoredTensor[] = []
      const seal = checkSeal(header, metadata, path)
      // Tensors lie one behind the other, in this order.
      for (const { name, dtype, shape, begin, end } of entries) {
        const bytes = await readExactly(file, header.length + begin, end - begin, path)
        seal?.add(new Uint8Array(bytes))
        if (!ignore(name) && isFloat(dtype)) tensors.push({ name, dtype, shape, data: widen(dtype, bytes) })
      }
      seal?.refuseOther()
      if (odd.length > 0) throw unknownTypes(path, odd)
      tensors.sort((left, right) => compareBytes(left.name, right.name))
      return { tensors, metadata, checksum: seal?.checksum ?? null }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

async function readHeader(file: FileHandle, path: string) {
  const { size } = await file.stat()
  if (size < 8) throw damaged(path, `it has ${size} bytes, less than the length of its header`)
  const length = Number(new DataView(await readExactly(file, 0, 8, path)).getBigUint64(0, true))
  if (length > MAX_HEADER_BYTES || 8 + length > size) {
    throw damaged(path, `its header is said to have ${length} bytes and the file has ${size}`)
  }
  const header = Buffer.from(await readExactly(file, 0, 8 + length, path))
  return { ...decodeHeader(header.subarray(8), size - header.length, path), header }
}

/** Reads into memory of its own, so that typed arrays of any width may view it. */
async function readExactly(file: FileHandle, position: number, length: number, path: string): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) throw damaged(path, `it ends at byte ${position + done}`)
    done += bytesRead
  }
  return bytes.buffer
}

type FloatDType = 'F32' | 'F16' | 'BF16'

function isFloat(dtype: SafetensorsDType): dtype is FloatDType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16'
}

/** The format is little-endian, as are all machines that Node runs oneDNN on. */
function widen(dtype: SafetensorsDType, bytes: ArrayBuffer): Float32Array {
  if (dtype === 'F32') return new Float32Array(bytes)
  const halves = new Uint16Array(bytes)
  if (dtype === 'F16') return Float32Array.from(halves, halfToNumber)
  // bf16 is the upper half of an f32.
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer)
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

function unknownTypes(path: string, odd: readonly { readonly name: string; readonly dtype: string }[]): UserFault {
  const listed = odd.map(({ name, dtype }) => `${name} (${dtype})`).join(', ')
  return new UserFault(
    `Expected tensors of F32, F16 or BF16 for ${path} but received ${listed}.`,
    'Convert them to float32 before saving: {name: tensor.float() for name, tensor in state_dict.items()}.',
  )
}

/** Order of UTF-8 bytes (Rust's order of strings), independent of the locale. */
function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
