import { spawn } from 'node:child_process'

/** The descriptor's number in the child. */
const CHILD_FD = 3
const HELD = 1

export type KernelLock = 'taken' | 'held' | 'unsupported'

/**
 * Takes the exclusive flock(2) of an open file. The kernel gives it back when the file is closed, however the process ends;
 * it holds across PID namespaces, and over NFS, whose server keeps it. Node cannot call flock: util-linux's (or busybox's)
 * `flock` does so on a descriptor that it shares with us, and the lock stays with ours when that program has ended.
 * @returns `unsupported` where the file system has no such locks or there is no `flock`
 */
export function takeKernelLock(fd: number): Promise<KernelLock> {
  return new Promise((resolve) => {
    const child = spawn('flock', ['-x', '-n', `${CHILD_FD}`], { stdio: ['ignore', 'ignore', 'pipe', fd] })
    let complaint = ''
    child.stderr?.on('data', (text: Buffer) => {
      complaint += text.toString()
    })
    child.on('error', () => resolve('unsupported'))
    child.on('close', (code) => {
      if (code === 0) resolve('taken')
      // It says nothing of a lock that is held, and why where it cannot lock at all.
      else resolve(code === HELD && complaint === '' ? 'held' : 'unsupported')
    })
  })
}
