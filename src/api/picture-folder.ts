/** `train <folder of pictures>`: what is trained on them, and their shards, which are made where they are not there yet. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type ConfigFault, fault } from '../config/config-fault.ts'
import { type GivenSettings, makeConfig } from '../config/make-config.ts'
import { type BegunFrom, choosePictureSettings } from '../config/picture-settings.ts'
import { findRecipe } from '../config/recipes.ts'
import { defaultDataFolder } from '../data/datasets/load-dataset.ts'
import { listImages } from '../data/datasets/prepare/find-source.ts'
import type { ImageList } from '../data/datasets/prepare/image-list.ts'
import type { PrepareOptions } from '../data/datasets/prepare/prepare-shards.ts'
import { MANIFEST_FILE, readManifest } from '../data/datasets/shard-manifest.ts'
import { medianShortSide } from '../data/images/picture-size.ts'
import { readTrainedWeights } from '../train/checkpoint/trained-weights.ts'
import { expected } from '../vocabulary/fault.ts'
import { shardOptions } from './prepare.ts'

/** Pictures more than twice as large as the input are packed at this multiple of it: crops of a training image stay sharp. */
const PACKED_SCALE = 1.5

export interface PicturePlan {
  /** All that the run is to have, `data` included. */
  readonly settings: GivenSettings
  /** What was chosen, for people. */
  readonly lines: readonly string[]
  /** How the shards are made; null where they are there. */
  readonly prepare: PrepareOptions | null
}

/** Whether `train`'s argument is a folder of pictures rather than a recipe. @throws UserFault for the path of no folder */
export function isPictureFolder(argument: string): boolean {
  if (argument === '' || findRecipe(argument) !== null) return false
  if (statSync(argument, { throwIfNoEntry: false })?.isDirectory() === true) return true
  if (!/^(\.{0,2}|~)\//.test(argument)) return false
  const remedy = 'Check the path; native-ensemble recipes lists the recipes.'
  throw expected('a folder with a folder for each class, or a recipe', 'train', argument, remedy)
}

/**
 * Lists the pictures and decides; makes nothing.
 * @param folder of class folders, of train/ and val/, or of shards that `prepare` made
 * @param faults what the caller found wrong already
 * @throws UserFault for pictures that cannot be used, and for everything that is wrong with the settings
 */
export async function planPictureRun(
  folder: string,
  given: GivenSettings,
  faults: readonly ConfigFault[],
): Promise<PicturePlan> {
  if (existsSync(join(folder, 'config.json')) && existsSync(join(folder, 'checkpoints'))) {
    const remedy = `native-ensemble resume ${folder} goes on with it.`
    throw expected('a folder of pictures', 'train', `${folder}, which is a run`, remedy)
  }
  const others = (['dataset', 'data', 'hosts'] as const).flatMap((key) =>
    given[key] === undefined
      ? []
      : [fault('nothing', `--${key} with the folder ${folder}`, given[key], `Leave one of the two out; ${PREPARED}.`)],
  )
  const begunFrom = await findBegun(given['init'])
  const plan = existsSync(join(folder, MANIFEST_FILE))
    ? await planPrepared(folder, given, begunFrom)
    : await planFolder(folder, given, begunFrom)
  // What is wrong with the settings is told before the work on the pictures.
  await makeConfig(null, plan.settings, [...faults, ...others])
  return plan
}

const PREPARED = 'for shards of your own: prepare, then train --dataset image-folder --data <shards>'

async function planPrepared(shards: string, given: GivenSettings, begunFrom: BegunFrom | null): Promise<PicturePlan> {
  const { splits, classes, input } = await readManifest(shards)
  const counts = { train: splits.train.count, test: splits.test.count, classes: classes.length }
  const { height } = input
  const sized = { ...given, imageSize: given['imageSize'] ?? height }
  const { settings, lines } = choosePictureSettings({ ...counts, shortSide: null }, sized, begunFrom)
  return { settings: { ...settings, dataset: 'image-folder', data: shards }, lines, prepare: null }
}

async function planFolder(folder: string, given: GivenSettings, begunFrom: BegunFrom | null): Promise<PicturePlan> {
  const list = await listImages(folder, null, null)
  const { train, test } = list.images
  const shortSide = await medianShortSide(train.flatMap(({ file, at }) => (at === 0 ? [file] : [])))
  const counts = { train: train.length, test: test.length, classes: list.classes.length, shortSide }
  const { settings, lines, size } = choosePictureSettings(counts, given, begunFrom)
  const packed = shortSide !== null && shortSide > 2 * size ? { shortSide: Math.round(PACKED_SCALE * size) } : {}
  const out = shardsOf(folder, list, [size, packed.shortSide ?? null])
  const shards = { ...settings, dataset: 'image-folder', data: out }
  const there = existsSync(join(out, MANIFEST_FILE))
  const options = shardOptions({ source: folder, out, onBad: 'skip', input: size, ...packed }, [])
  const words = there ? 'there already' : 'made once, and used again while the pictures stay as they are'
  return { settings: shards, lines: [...lines, `Shards: ${out}, ${words}`], prepare: there ? null : options }
}

/** Beside other datasets; pictures that have changed, or are packed otherwise, have another folder. */
function shardsOf(folder: string, { fingerprint }: ImageList, packed: readonly unknown[]): string {
  const key = createHash('sha256')
    .update(JSON.stringify([resolve(folder), fingerprint, packed]))
    .digest('hex')
  return join(dirname(defaultDataFolder('image-folder')), `${basename(resolve(folder))}-${key.slice(0, 8)}`)
}

/** @throws UserFault where the weights cannot be read */
async function findBegun(init: unknown): Promise<BegunFrom | null> {
  if (typeof init !== 'string' || init === '') return null
  const { description } = await readTrainedWeights(init, 'read')
  if (description === null) return null
  const { network, block } = description.architecture
  return { network, block, size: description.height }
}
