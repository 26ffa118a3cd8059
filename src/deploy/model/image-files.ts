/** Which files are meant by the paths that a user names. */
import type { Dirent } from 'node:fs'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileProblem } from '../../vocabulary/file-fault.ts'

/**
 * Files as they are named, and all those in the folders that are named and in folders below, by the order of their names; hidden
 * ones are passed over. What cannot be looked at is among them: who reads it says why.
 * @param odd told of folders that cannot be read
 */
export function* imageFiles(paths: readonly string[], odd: (path: string, problem: string) => void): Generator<string> {
  for (const path of paths) {
    if (isFolder(path)) yield* filesBelow(path, odd)
    else yield path
  }
}

function* filesBelow(folder: string, odd: (path: string, problem: string) => void): Generator<string> {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    const problem = fileProblem(error, folder)
    if (problem === null) throw error
    odd(folder, problem)
    return
  }
  entries.sort((left, right) => (left.name < right.name ? -1 : 1))
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    // Links to files are followed; those to folders may lead in a circle.
    if (entry.isDirectory()) yield* filesBelow(path, odd)
    else if (!entry.isSymbolicLink() || !isFolder(path)) yield path
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
