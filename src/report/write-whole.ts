import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileFault } from '../vocabulary/file-fault.ts'
import { makeFolder } from '../vocabulary/make-folder.ts'

/**
 * Writes a file aside and renames it: what was there stays until all of it is written. The folder is made.
 * @returns its path
 * @throws UserFault where it cannot be written
 */
export async function writeWhole(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name)
  try {
    await makeFolder(folder)
  } catch (error) {
    throw fileFault(error, 'write', path)
  }
  return await replaceFile(path, content)
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<string> {
  const aside = `${path}.tmp-${process.pid}`
  try {
    await writeFile(aside, content)
    await rename(aside, path)
    return path
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {}) // The first error is the one to tell.
    throw fileFault(error, 'write', path)
  }
}

/**
 * A value as a line of JSON, as writeWhole into a folder that is there: the folder of a run that was moved or deleted is not made again.
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, `${JSON.stringify(value)}\n`)
}
