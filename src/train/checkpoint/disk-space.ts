/** How much a checkpoint takes, and how much its disk has. */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode } from '../../vocabulary/file-fault.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'

/** Name, shape and place of a tensor in a header; sizes are rounded up to the disk's blocks. */
const BYTES_PER_TENSOR = 256
/** Progress, configuration and folder. */
const BYTES_BESIDE = 2 ** 16

/** Bytes of a checkpoint with so many tensors of f32 elements, the optimizer's states included; a little more than it takes. */
export function checkpointBytes(tensors: number, elements: number): number {
  return Float32Array.BYTES_PER_ELEMENT * elements + BYTES_PER_TENSOR * tensors + BYTES_BESIDE
}

/** Bytes that a process like this one may still write below a folder, which need not be there; null where nothing tells. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      const { bavail, bsize } = await statfs(place)
      return bavail * bsize
    } catch (error) {
      if (fileErrorCode(error) !== 'ENOENT' || place === dirname(place)) return null
    }
  }
}

/** @throws UserFault with both numbers where the folder's disk has less than `needed` bytes */
export async function refuseFullDisk(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder)
  if (free === null || free >= needed) return
  throw new UserFault(
    `Expected ${printBytes(needed)} free for a checkpoint in ${folder} but received ${printBytes(free)}.`,
    'Free some space (df -h shows the disks).',
  )
}
