import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UserFault } from './fault.ts'
import { fileErrorCode } from './file-fault.ts'

/**
 * Makes a folder and those above it that are missing; one that is there is taken. Node's own `recursive` never ends where a
 * file system takes no folders (`mkdir` in /proc says that the folder above is missing), and keeps the process from ending.
 * @throws the file system's error, UserFault where it takes no folders
 */
export async function makeFolder(path: string): Promise<void> {
  const first = await tryMaking(path)
  if (first === null) return
  const parent = dirname(path)
  if (fileErrorCode(first) !== 'ENOENT' || parent === path) throw first
  await makeFolder(parent)
  const second = await tryMaking(path)
  if (second === null) return
  if (fileErrorCode(second) !== 'ENOENT') throw second
  throw new UserFault(
    `Cannot make the folder ${path}: the file system of ${parent} takes no new folders.`,
    'Choose a place on another file system (df -T shows them).',
    { cause: second },
  )
}

/** The error, null where the folder is there. */
async function tryMaking(path: string): Promise<unknown> {
  try {
    await mkdir(path)
    return null
  } catch (error) {
    const isFolder = fileErrorCode(error) === 'EEXIST' && (await stat(path)).isDirectory()
    return isFolder ? null : error
  }
}
