/** Weights that others wrote (`--init`, `--teacher`): no checksum, so that what is accepted has to stand in the file. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSafetensorsFile } from '../../../src/train/checkpoint/safetensors.ts'
import { fixturePath } from '../../../test/fixtures-folder.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const FILE = 'weights.safetensors'

export const FOREIGN_SAFETENSORS_TARGET: FuzzTarget = {
  name: 'foreign-safetensors',
  file: FILE,
  samples: () => [readFileSync(fixturePath('checkpoint/python.safetensors'))],
  async read(bytes, scratch) {
    const path = join(scratch, FILE)
    writeFileSync(path, bytes)
    const { tensors } = await readSafetensorsFile(path)
    return contentsOf(tensors.map(({ name, shape, data }) => ({ name, shape, numbers: data })))
  },
  asItStands(bytes) {
    const begin = 8 + Number(bytes.readBigUInt64LE(0))
    // The reader has found this JSON to be one of tensors: here only the numbers are looked up again.
    const header: Record<string, Entry> = JSON.parse(bytes.toString('utf8', 8, begin))
    const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
    return contentsOf(
      entries.map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const data = bytes.subarray(begin + from, begin + to)
          const width = dtype === 'F32' ? 4 : 2
          const numbers = Float32Array.from({ length: data.length / width }, (_, at) =>
            width === 4 ? data.readFloatLE(4 * at) : halfOf(dtype, data.readUInt16LE(2 * at)),
          )
          return { name, shape, numbers }
        },
      ),
    )
  },
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [from: number, to: number]
}

interface Numbers {
  readonly name: string
  readonly shape: readonly number[]
  readonly numbers: Float32Array
}

function contentsOf(tensors: readonly Numbers[]): string {
  const sorted = [...tensors].sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)))
  return fingerprint(
    sorted.flatMap(({ name, shape, numbers }) => [
      name,
      shape.join('x'),
      [...numbers].map((value) => (Number.isNaN(value) ? 'NaN' : String(value))).join(),
    ]),
  )
}

function halfOf(dtype: string, bits: number): number {
  const view = new DataView(new ArrayBuffer(4))
  if (dtype === 'BF16') {
    view.setUint32(0, bits * 0x10000)
    return view.getFloat32(0)
  }
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
