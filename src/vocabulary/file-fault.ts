/** What the operating system says of files, in words: the one place where its reasons are told to people. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { UserFault } from './fault.ts'

/** What is wrong, and what to do about it where something was read and where something was written. */
type Cause = readonly [problem: string, reading: string, writing: string]

const both = (problem: string, remedy: string): Cause => [problem, remedy, remedy]
const CHECK = 'Check the path.'
const PERMISSIONS = 'change the permissions (ls -ld shows them).'
const OTHER_DISK = 'Choose a place on another file system.'
const MOUNT = 'Mount the file system again, and give the command again.'

const CAUSES: Readonly<Record<string, Cause>> = {
  ENOENT: both('it does not exist', CHECK),
  ENOTDIR: both('a part of the path is a file, not a folder', CHECK),
  EISDIR: both('it is a folder, not a file', 'Name a file.'),
  EEXIST: both('it exists already', 'Name another path, or move what is there.'),
  ENOTEMPTY: both('the folder is not empty', 'Name another path, or move what is there.'),
  EACCES: [
    'access is not permitted',
    `Give the command as a user who may, or ${PERMISSIONS}`,
    `Choose another place, or ${PERMISSIONS}`,
  ],
  EPERM: [
    'the operation is not permitted',
    `Give the command as a user who may, or ${PERMISSIONS}`,
    `Choose another place, or ${PERMISSIONS}`,
  ],
  EROFS: both('the file system is read-only', 'Choose a place on a writable file system.'),
  ENOSPC: both('the disk is full', 'Free some space (df -h shows the disks), or choose another place.'),
  EDQUOT: both('the disk quota is used up', 'Free some space, or choose another place.'),
  EFBIG: both(
    'it would be larger than the file system or a limit allows',
    'Raise the limit (ulimit -f unlimited), or choose another file system.',
  ),
  ENAMETOOLONG: both('the path is too long', 'Choose a shorter path: 255 bytes a name, 4095 in all.'),
  EILSEQ: both('its name has bytes that the file system cannot have', 'Choose another name.'),
  ELOOP: both('its links lead in a circle', 'Mend or remove the link (ls -l shows where it leads).'),
  EMFILE: both('this process has too many files open', 'Raise the limit (ulimit -n 65536, say).'),
  ENFILE: both('the system has too many files open', 'End other programs, or raise the limit (sysctl fs.file-max).'),
  ENOMEM: both('the system has no memory left for it', 'End other programs, or give this one more memory.'),
  EIO: [
    'the disk reports an error',
    'Look at the disk (dmesg says more), and take the file from a copy.',
    'Look at the disk (dmesg says more), or choose another.',
  ],
  EREMOTEIO: [
    'the disk of the other machine reports an error',
    'Look at that disk, and take the file from a copy.',
    OTHER_DISK,
  ],
  EUCLEAN: both('the file system is damaged', 'Check the file system (fsck), and take the file from a copy.'),
  EBADMSG: both(
    'the file system found its data damaged',
    'Check the file system (dmesg says more), and take the file from a copy.',
  ),
  ESTALE: both('the network file system knows it no more (stale handle)', MOUNT),
  ENOTCONN: both('the file system is not connected to its server', MOUNT),
  ETIMEDOUT: both('the server of the file system does not answer', MOUNT),
  EHOSTDOWN: both('the server of the file system is down', MOUNT),
  EHOSTUNREACH: both('the server of the file system cannot be reached', MOUNT),
  ECONNRESET: both('the server of the file system broke the connection', MOUNT),
  EBUSY: both('another program holds it', 'End the other program, or wait for it.'),
  ETXTBSY: both('it is a program that is running', 'End that program, or name another path.'),
  ENXIO: both('there is no such device, or nothing at the other end of it', 'Name a file.'),
  ENODEV: both('there is no such device', 'Name a file.'),
  ESPIPE: both('it is a pipe, not a file', 'Name a file.'),
  EXDEV: both('it would have to move to another file system', OTHER_DISK),
  EINVAL: both('its file system does not take the operation', OTHER_DISK),
  ENOTSUP: both('its file system cannot do it', OTHER_DISK),
  EOPNOTSUPP: both('its file system cannot do it', OTHER_DISK),
  ENOSYS: both('its file system cannot do it', OTHER_DISK),
  EMLINK: both('it has too many links', 'Choose another folder.'),
  EOVERFLOW: both('it is too large for this system', 'Name a smaller file.'),
  ERR_FS_FILE_TOO_LARGE: both('it is larger than 2 GiB, more than is read at once', 'Name a smaller file.'),
  ERR_INVALID_ARG_VALUE: both('its name has a zero byte', CHECK),
}

/** Numbers of Linux that Node has no names for. */
const NAMES_OF_LINUX: Readonly<Record<number, string>> = {
  74: 'EBADMSG',
  117: 'EUCLEAN',
  121: 'EREMOTEIO',
  122: 'EDQUOT',
}
const UNKNOWN = /^Unknown system error -?(\d+)$/

/** The code of a file system error (`ENOENT`, ...), null for any other value. */
export function fileErrorCode(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return null
  return NAMES_OF_LINUX[Number(UNKNOWN.exec(error.code)?.[1])] ?? error.code
}

/**
 * A file system error as a person's fault, with the reason of the operating system and what to do; any other value comes back
 * as it is, ready to be thrown.
 * @param action what failed, as in `Cannot <action> <path>: ...`; `read`, or else something was to be written
 * @param path what it was about; the file that failed is named too where it is another
 */
export function fileFault(error: unknown, action: string, path: string): unknown {
  const failed = otherPath(error, path)
  const cause = causeOf(error, action, failed ?? path)
  if (cause === null) return error
  const [problem, reading, writing] = cause
  const place = failed === null ? path : `${path} because of ${failed}`
  return new UserFault(`Cannot ${action} ${place}: ${problem}.`, isReading(action) ? reading : writing, {
    cause: error,
  })
}

/** Only the operating system's reason, `it is a link to x, which does not exist`, say; null for any other error. */
export function fileProblem(error: unknown, path: string): string | null {
  return causeOf(error, 'read', path)?.[0] ?? null
}

/** What a call of the operating system is in words, for errors that nobody has explained on the way. */
const ACTIONS: Readonly<Record<string, string>> = {
  ...{ open: 'open', read: 'read', scandir: 'read', opendir: 'read', readlink: 'read', stat: 'read', lstat: 'read' },
  ...{
    fstat: 'read',
    statfs: 'read',
    access: 'reach',
    write: 'write',
    fsync: 'write',
    fdatasync: 'write',
    close: 'write',
  },
  ...{
    ftruncate: 'write',
    mkdir: 'make',
    mkdtemp: 'make',
    rename: 'rename',
    unlink: 'remove',
    rmdir: 'remove',
    rm: 'remove',
  },
  ...{ copyfile: 'copy', link: 'link', symlink: 'link', chmod: 'change', utime: 'change', spawn: 'start' },
}

/** As fileFault, of an error that says by itself what was done to which file. */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  const action = ACTIONS[String(error.syscall).split(' ')[0] ?? '']
  if (action === undefined) return error
  return fileFault(error, action, 'path' in error && typeof error.path === 'string' ? error.path : 'a file')
}

const isReading = (action: string) => action.startsWith('read')

/** The file that failed where it is another than the one the action was about. A rename tells its source, which is ours. */
function otherPath(error: unknown, path: string): string | null {
  if (!(error instanceof Error && 'path' in error && typeof error.path === 'string')) return null
  if ('dest' in error || resolve(error.path) === resolve(path)) return null
  // What is written aside has the name of what it becomes, and more.
  return error.path.startsWith(`${path}.`) ? null : error.path
}

function causeOf(error: unknown, action: string, path: string): Cause | null {
  const code = fileErrorCode(error)
  if (code === null) return null
  if (code === 'ENOENT') return missing(path, isReading(action))
  const known = CAUSES[code]
  if (known !== undefined) return known
  const isSystemError =
    error instanceof Error && 'syscall' in error && (/^E[A-Z0-9]+$/.test(code) || UNKNOWN.test(code))
  return isSystemError ? both(reasonOf(error, code), 'Check the path and its file system.') : null
}

/** libuv's words, with the code to look up. */
function reasonOf(error: Error, code: string): string {
  const errno = 'errno' in error && typeof error.errno === 'number' ? error.errno : 0
  return `the operating system says: ${getSystemErrorMap().get(errno)?.[1] ?? 'no more than its number'} (${code})`
}

/** Of a path that does not exist: which part of it is missing, or leads nowhere. */
function missing(path: string, reading: boolean): Cause {
  if (path.includes('\uFFFD')) {
    return both('its name is not UTF-8, so that it cannot be opened', 'Rename it (ls -b shows the bytes of its name).')
  }
  const parts: string[] = []
  for (let part = resolve(path); part !== dirname(part); part = dirname(part)) parts.unshift(part)
  for (const part of parts) {
    const target = danglingTarget(part)
    if (target !== null) {
      const which = part === resolve(path) ? 'it' : part
      return both(`${which} is a link to ${target}, which does not exist`, 'Mend or remove the link.')
    }
    if (!reading && part !== resolve(path) && !isThere(part)) {
      return both(`the folder ${part} does not exist`, 'Make the folder first, or name another path.')
    }
  }
  return both('it does not exist', CHECK)
}

/** Where a link leads that leads to nothing; null for anything else. */
function danglingTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() && !isThere(path) ? readlinkSync(path) : null
  } catch {
    return null
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true // What cannot be looked at may be there.
  }
}
