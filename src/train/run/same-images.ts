/** Whether a run that goes on, or whose weights are used, is given the images that it began with. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import { describeDataset } from '../../data/datasets/describe-dataset.ts'
import { defaultDataFolder } from '../../data/datasets/load-dataset.ts'
import type { RunFiles } from '../../report/run-files.ts'
import { isPrepared } from '../../vocabulary/dataset-name.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { isOwn } from '../../vocabulary/own-definitions.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { refuseOtherInput, refuseOtherNetwork } from '../checkpoint/model-description.ts'

/**
 * The images of a run whose checkpoint is used: refused where they have other classes or another input than it was trained
 * on. What the catalogue or a manifest says is compared at once, what stands in the files themselves when they are read.
 * Nothing is compared where the checkpoint is from before it said so.
 * @param source folder of the checkpoint
 * @returns the images, to be waited for
 * @throws UserFault that names both sides
 */
export async function checkImages(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  { description: stored }: Pick<Checkpoint, 'description'>,
  source: string,
): Promise<{ readonly images: Promise<LoadedDataset> }> {
  if (stored === null) return { images }
  refuseOtherNetwork(stored, source, config, config.out)
  const place = config.data ?? (isOwn('dataset', config.dataset) ? config.dataset : defaultDataFolder(config.dataset))
  // Other numbers of classes make other networks, which would be told of first.
  if (isPrepared(config.dataset)) refuseOtherInput(stored, source, await describeDataset(config), place)
  const checked = images.then((loaded) => {
    refuseOtherInput(stored, source, loaded.description, place)
    return loaded
  })
  checked.catch(() => undefined) // Told where it is awaited, unless something else is wrong before.
  return { images: checked }
}

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
