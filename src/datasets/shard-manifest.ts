/** What `prepare` says of the shards it made: manifest.json in their folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../vocabulary/file-fault.ts'
import { PREPARE_FIRST } from './prepare-remedy.ts'

export const MANIFEST_FILE = 'manifest.json'
export const SHARD_FORMAT = 'native-ensemble shards 1'

/** A plain name: what a manifest says is never a path out of its folder. */
const fileName = z.string().regex(/^[\w-][\w.-]*$/)
const count = z.int().min(0)
const sizedFile = z.strictObject({ file: fileName, bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })
const channelNumbers = z.array(z.number()).length(3)

const splitSchema = z.strictObject({ count: z.int().min(1), index: sizedFile, shards: z.array(sizedFile).min(1) })
/** Of `prepare --validation 0` none: then there is nothing to test with. */
const testSchema = z.strictObject({ count, index: sizedFile, shards: z.array(sizedFile) })

const manifestSchema = z.strictObject({
  format: z.literal(SHARD_FORMAT),
  /** `ilsvrc2012` where every class is a WordNet id of ImageNet (n01440764). */
  kind: z.enum(['ilsvrc2012', 'image-folder']),
  /** In label order; `folder` is the class's folder or WordNet id. */
  classes: z.array(z.strictObject({ folder: z.string().min(1), name: z.string().min(1) })).min(2),
  /** What a network trained on these is given: pixels, and colour statistics of pixels scaled to 0..1. */
  input: z.strictObject({
    height: z.int().min(1),
    width: z.int().min(1),
    mean: channelNumbers,
    std: z.array(z.number().positive()).length(3),
  }),
  /** `original` = the bytes of the source; else what they were encoded to again. */
  encoding: z.union([
    z.literal('original'),
    z.strictObject({ format: z.literal('jpeg'), shortSide: z.int().min(1), quality: z.int().min(1).max(100) }),
  ]),
  splits: z.strictObject({ train: splitSchema, test: testSchema }),
  /** Images of each file format, by their bytes. */
  formats: z.record(z.string(), count),
  /** Good images that are unlike their neighbours (another format than the name says, CMYK, decoder warnings). */
  odd: z.array(z.strictObject({ name: z.string(), what: z.string() })),
  /** Images that were left out. */
  bad: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
})

export type ShardManifest = z.infer<typeof manifestSchema>
export type SizedFile = z.infer<typeof sizedFile>

/**
 * @param folder that `prepare` made
 * @throws UserFault where it holds no shards, or a manifest that is none
 */
export async function readManifest(folder: string): Promise<ShardManifest> {
  const path = join(folder, MANIFEST_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = fileErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw expected('shards that `prepare` made', folder, 'something else', PREPARE_FIRST)
    }
    throw fileFault(error, 'read', path)
  }
  const checked = manifestSchema.safeParse(parseJson(text))
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const received = issue === undefined ? 'another' : `${issue.path.join('.') || 'the whole'}: ${issue.message}`
  throw expected(`a manifest of "${SHARD_FORMAT}"`, path, received, 'Prepare the images again, or restore the file.')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
