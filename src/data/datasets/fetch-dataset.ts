/** `native-ensemble fetch`: brings the published files of a dataset to a folder, checked against their SHA-256. */
import { mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PublishedName } from '../../vocabulary/dataset-name.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import { makeFolder } from '../../vocabulary/make-folder.ts'
import { CATALOGUE, type DatasetEntry, type DatasetFile } from './catalogue.ts'
import { readDebianPackage } from './debian-package.ts'
import { download, type FetchProgress } from './download.ts'
import { checksum } from './verify-file.ts'

/**
 * Fetches what is not there yet. A file appears under its name only when it is whole and its checksum holds; a file
 * that is there already is never replaced.
 * @throws UserFault for a file of that name with other contents, a folder that cannot be written, and where no source
 *   could be reached
 */
export async function fetchDataset(
  name: PublishedName,
  folder: string,
  progress: (report: FetchProgress) => void,
): Promise<void> {
  await fetchFiles(name, CATALOGUE[name], folder, progress)
}

/** fetchDataset for any entry; tests give one with addresses of their own. */
export async function fetchFiles(
  name: string,
  entry: DatasetEntry,
  folder: string,
  progress: (report: FetchProgress) => void,
): Promise<void> {
  const missing: DatasetFile[] = []
  for (const file of entry.files) {
    if (!(await isThere(file, folder))) missing.push(file)
  }
  if (missing.length === 0) return
  const scratch = await makeScratch(folder)
  try {
    const target = { name, entry, folder, scratch, progress, failures: [] }
    const left = entry.debianPackage ? await fromPackage(target, entry.debianPackage, missing) : missing
    for (const file of left) await fromAddresses(target, file)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** What one fetch is about. */
interface Target {
  readonly name: string
  readonly entry: DatasetEntry
  readonly folder: string
  /** Folder within it, removed at the end. */
  readonly scratch: string
  readonly progress: (report: FetchProgress) => void
  /** What each source failed with, in words. */
  readonly failures: string[]
}

async function isThere(file: DatasetFile, folder: string): Promise<boolean> {
  const path = join(folder, file.name)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return false
    throw fileFault(error, 'read', path)
  }
  const received = await checksum(file, bytes, path)
  if (received === file.sha256) return true
  throw new UserFault(
    `Expected SHA-256 ${file.sha256} for ${path} but received ${received}`,
    'This is not the published file. Move it away and fetch again, or name another folder.',
  )
}

/** A folder beside the files, so that a finished one can be renamed into place. */
async function makeScratch(folder: string): Promise<string> {
  try {
    await makeFolder(folder)
    return await mkdtemp(join(folder, '.fetch-'))
  } catch (error) {
    throw fileFault(error, 'write to', folder)
  }
}

/** Places what the package brings; the answer is what it did not bring. */
async function fromPackage(
  target: Target,
  debianPackage: string,
  files: readonly DatasetFile[],
): Promise<readonly DatasetFile[]> {
  target.progress({ step: `from the Debian package ${debianPackage}`, bytes: 0, total: null })
  let packed: ReadonlyMap<string, Buffer>
  try {
    packed = await readDebianPackage(debianPackage, target.scratch)
  } catch (error) {
    target.failures.push(`the Debian package ${debianPackage}: ${inWords(error)}`)
    return files
  }
  const left: DatasetFile[] = []
  for (const file of files) {
    const bytes = packed.get(file.name)
    const fault = bytes ? await mismatch(file, bytes) : 'it is not there'
    if (bytes && fault === null) await place(target, file, bytes)
    else {
      target.failures.push(`${file.name} in the Debian package ${debianPackage}: ${fault}`)
      left.push(file)
    }
  }
  return left
}

async function fromAddresses(target: Target, file: DatasetFile): Promise<void> {
  for (const address of file.addresses) {
    let bytes: Buffer
    try {
      bytes = await download(address, 4 * file.bytes, target.progress)
    } catch (error) {
      target.failures.push(`${address}: ${inWords(error)}`)
      continue
    }
    const fault = await mismatch(file, bytes)
    if (fault === null) return place(target, file, bytes)
    target.failures.push(`${address}: ${fault}`)
  }
  throw new UserFault(
    `Expected to fetch ${file.name} of ${target.name} but every source failed: ${target.failures.join('; ')}`,
    `Take ${file.name} from ${target.entry.home} by another way and put it into ${target.folder}`,
  )
}

/** Why fetched bytes are not the published file, in words; null where they are. */
async function mismatch(file: DatasetFile, bytes: Buffer): Promise<string | null> {
  try {
    const received = await checksum(file, bytes, file.name)
    return received === file.sha256 ? null : `SHA-256 ${received} instead of ${file.sha256}`
  } catch (error) {
    return inWords(error)
  }
}

/** Writes a file whole, then gives it its name. */
async function place({ folder, scratch }: Target, file: DatasetFile, bytes: Buffer): Promise<void> {
  const path = join(folder, file.name)
  const unfinished = join(scratch, file.name)
  try {
    const handle = await open(unfinished, 'w')
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    throw fileFault(error, 'write', path)
  }
}

/** fetch() says only `fetch failed`; what failed is in the cause. */
function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message
    ? `${error.message} (${error.cause.message})`
    : error.message
}
