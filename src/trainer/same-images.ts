/** Whether a run that goes on is given the images that it began with. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import type { LoadedDataset } from '../datasets/dataset.ts'
import type { RunFiles } from '../report/run-files.ts'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'

/** What machine.json says of them. */
const machineSchema = z.object({ images: z.array(z.object({ path: z.string(), sha256: z.string() })) })

/**
 * @throws UserFault where files of the images have other bytes than those that machine.json names. Their place is free, and a
 *   run without that file, or from before it named them, is not held to it
 */
export async function refuseOtherImages({ machine }: RunFiles, { sources }: LoadedDataset): Promise<void> {
  const before = await imagesOf(machine)
  const now = new Set(sources.map(({ sha256 }) => sha256))
  const missing = before.find(({ sha256 }) => !now.has(sha256))
  if (missing === undefined) return
  throw expected(
    `the images that the run began with (${basename(missing.path)}, SHA-256 ${missing.sha256.slice(0, 16)}...)`,
    'the run',
    `others: ${sources.map(({ path }) => path).join(', ')}`,
    `Name their place with --data (${machine} lists them), or train a new run on these: train --init <weights>.`,
  )
}

async function imagesOf(machine: string): Promise<readonly { readonly path: string; readonly sha256: string }[]> {
  try {
    return machineSchema.parse(JSON.parse(await readFile(machine, 'utf8'))).images
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === null) return []
    throw fileFault(error, 'read', machine)
  }
}
