/** An export comes into its place whole or not at all, and never over what is none. */
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'

/** A file of a folder, its parts one behind the other. */
export interface ExportedFile {
  readonly name: string
  readonly parts: readonly (string | Uint8Array)[]
}

/** Each folder that is exported has it: what was exported when, and how one knows that the folder is an export. */
export const EXPORT_MARK = 'native-ensemble.json'

/** @throws UserFault where it cannot be written; what was there is then as it was */
export async function writeExportedFile(path: string, parts: ExportedFile['parts']): Promise<void> {
  const aside = asideOf(path)
  try {
    await refuseFolder(path)
    await writeParts(aside, parts)
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'write', path)
  }
}

/**
 * Writes a folder, in place of an earlier export.
 * @throws UserFault where it cannot be written or is there and no export; what was there is then as it was
 */
export async function writeExportedFolder(folder: string, files: readonly ExportedFile[]): Promise<void> {
  const [aside, before] = [asideOf(folder), `${asideOf(folder)}-before`]
  try {
    const replaces = await isExport(folder)
    await mkdir(aside)
    for (const { name, parts } of files) await writeParts(join(aside, name), parts)
    if (replaces) await rename(folder, before)
    await rename(aside, folder)
    await rm(before, { recursive: true, force: true })
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => {}) // As above.
    throw fileFault(error, 'write', folder)
  }
}

function asideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp-${process.pid}`)
}

async function writeParts(path: string, parts: ExportedFile['parts']): Promise<void> {
  const file: FileHandle = await open(path, 'wx')
  try {
    for (const part of parts) await file.writeFile(part)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function refuseFolder(path: string): Promise<void> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isFolder) throw expected('a file', '--out', `${path}, a folder`, 'Name a file in it.')
}

/** Whether an earlier export is there. @throws UserFault where something else is */
async function isExport(folder: string): Promise<boolean> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    const code = fileErrorCode(error)
    if (code === 'ENOENT') return false
    if (code === 'ENOTDIR') throw expected('a folder', '--out', `${folder}, a file`, 'Name another path.')
    throw error
  }
  if (names.length === 0 || names.includes(EXPORT_MARK)) return true
  const remedy = 'Name another folder; only an earlier export is replaced.'
  throw expected('a new or empty folder', '--out', `${folder}, which has other files`, remedy)
}
