/**
 * What `prepare` says of the shards it made: manifest.json in their folder. Its last member is the SHA-256 of the file itself
 * with zeros in the place of the digits; the manifest has those of the indices and shards, and an index the CRC-32 of each image.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { PREPARE_FIRST } from './prepare-remedy.ts'

export const MANIFEST_FILE = 'manifest.json'
export const SHARD_FORMAT = 'native-ensemble shards 2'
/** Still read; has no checksum of its own. */
const WITHOUT_CHECKSUM = 'native-ensemble shards 1'
const CHECKSUM_KEY = 'sha256'
const NO_DIGITS = '0'.repeat(64)
const AGAIN = 'Copy it again from where it is whole, or prepare the images again.'

/** A plain name: what a manifest says is never a path out of its folder. */
const fileName = z.string().regex(/^[\w-][\w.-]*$/)
const count = z.int().min(0)
const sizedFile = z.strictObject({ file: fileName, bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })
const channelNumbers = z.array(z.number()).length(3)

const splitSchema = z.strictObject({ count: z.int().min(1), index: sizedFile, shards: z.array(sizedFile).min(1) })
/** Of `prepare --validation 0` none: then there is nothing to test with. */
const testSchema = z.strictObject({ count, index: sizedFile, shards: z.array(sizedFile) })

const manifestSchema = z.strictObject({
  format: z.enum([SHARD_FORMAT, WITHOUT_CHECKSUM]),
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

/** The file's bytes, checksum included. */
export function encodeManifest(manifest: ShardManifest): Buffer {
  const bytes = Buffer.from(`${JSON.stringify({ ...manifest, [CHECKSUM_KEY]: NO_DIGITS }, null, 1)}\n`)
  const at = digitsAt(bytes, NO_DIGITS)
  bytes.write(createHash('sha256').update(bytes).digest('hex'), at)
  return bytes
}

/**
 * @param folder that `prepare` made
 * @throws UserFault where it holds no shards, or a manifest that is none or is not what was written
 */
export async function readManifest(folder: string): Promise<ShardManifest> {
  const path = join(folder, MANIFEST_FILE)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    const code = fileErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw expected('shards that `prepare` made', folder, 'something else', PREPARE_FIRST)
    }
    throw fileFault(error, 'read', path)
  }
  return decodeManifest(bytes, path)
}

/** @throws UserFault as readManifest */
export function decodeManifest(bytes: Buffer, path: string): ShardManifest {
  const { [CHECKSUM_KEY]: digits, ...members } = parseObject(bytes)
  // Only the earlier format may be without.
  const sealed = members['format'] !== WITHOUT_CHECKSUM || digits !== undefined
  const checked = manifestSchema.safeParse(members)
  if (checked.success && (!sealed || checksumHolds(bytes, digits))) return checked.data
  const [issue] = checked.error?.issues ?? []
  const received =
    issue === undefined
      ? 'one whose bytes have changed (SHA-256)'
      : `${issue.path.join('.') || 'the whole'}: ${issue.message}`
  throw expected(`a manifest of "${SHARD_FORMAT}"`, path, received, AGAIN)
}

function checksumHolds(bytes: Buffer, digits: unknown): boolean {
  if (typeof digits !== 'string' || !/^[0-9a-f]{64}$/.test(digits)) return false
  const at = digitsAt(bytes, digits)
  if (at < 0) return false
  const open = Buffer.from(bytes)
  open.write(NO_DIGITS, at)
  return createHash('sha256').update(open).digest('hex') === digits
}

/** Of the last such member, which is the manifest's own. */
function digitsAt(bytes: Buffer, digits: string): number {
  const before = `"${CHECKSUM_KEY}": "`
  const at = bytes.lastIndexOf(`${before}${digits}"`)
  return at < 0 ? at : at + before.length
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
