import { UserFault } from './fault.ts'

const CAUSES: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOENT: ['it does not exist', 'Check the path.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Check the path.'],
  EISDIR: ['it is a folder, not a file', 'Name a file.'],
  EEXIST: ['it exists already', 'Name another path, or move what is there.'],
  EACCES: ['access is not permitted', 'Choose another place, or change the permissions (ls -ld shows them).'],
  EPERM: ['the operation is not permitted', 'Choose another place, or change the permissions (ls -ld shows them).'],
  EROFS: ['the file system is read-only', 'Choose a place on a writable file system.'],
  ENOSPC: ['the disk is full', 'Free some space (df -h shows the disks), or choose another place.'],
  EDQUOT: ['the disk quota is used up', 'Free some space, or choose another place.'],
  ENAMETOOLONG: ['the path is too long', 'Choose a shorter path.'],
}

/** The code of a file system error (`ENOENT`, ...), null for any other value. */
export function fileErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/**
 * A file system error as the user's fault where the user can mend it (missing, not permitted, disk full); any other
 * value comes back as it is, ready to be thrown.
 * @param action what failed, as in `Cannot <action> <path>: ...`
 */
export function fileFault(error: unknown, action: string, path: string): unknown {
  const cause = CAUSES[fileErrorCode(error) ?? '']
  if (cause === undefined) return error
  const [problem, remedy] = cause
  return new UserFault(`Cannot ${action} ${path}: ${problem}.`, remedy, { cause: error })
}
