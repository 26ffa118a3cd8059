/** Who holds a lock: a process, told apart from every other one of this and other machines, containers and boots. */
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { fileErrorCode } from '../file-fault.ts'

const holderSchema = z.strictObject({
  pid: z.number().int().positive(),
  host: z.string(),
  /** The kernel's boot, the same in all containers of a host. Here and below: empty where the system does not tell. */
  boot: z.string(),
  /** PID namespace: in another one `pid` is the number of another process. */
  namespace: z.string(),
  /** Ticks from the boot to the process's start: a number of a process may be given again. */
  started: z.string(),
  /** Device of the lock's file: one boot and one device are one file system in one kernel. */
  device: z.string(),
  /** Tells two locks of one process apart. */
  token: z.string(),
})
export type LockHolder = z.infer<typeof holderSchema>

/** This process. */
export async function ownHolder(device: string, token: string): Promise<LockHolder> {
  const [boot, namespace, started] = await Promise.all([bootId(), pidNamespace(), startOf(process.pid)])
  return { pid: process.pid, host: hostname(), boot, namespace, started, device, token }
}

export const printHolder = (holder: LockHolder) => `${JSON.stringify(holder)}\n`

/** null where the text is none: half written when a process was killed, or by another version. */
export function parseHolder(text: string): LockHolder | null {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** `process 1234`, with its host where that is not `own`'s, or its container. */
export function describeHolder(holder: LockHolder | null, own: LockHolder): string {
  if (holder === null) return 'an unknown process'
  const { pid, host, boot, namespace } = holder
  if (boot === own.boot && namespace === own.namespace) return `process ${pid}`
  const where = host === own.host ? `another container or boot of host ${host}` : `host ${host}`
  return `process ${pid} of ${where}`
}

/** Whether the process runs; `unknown` where its number says nothing here. */
export async function holderState(holder: LockHolder, own: LockHolder): Promise<'running' | 'ended' | 'unknown'> {
  if (holder.boot === '' || holder.boot !== own.boot || holder.namespace !== own.namespace) return 'unknown'
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it is another user's.
    if (fileErrorCode(error) === 'ESRCH') return 'ended'
  }
  return (await startOf(holder.pid)) === holder.started ? 'running' : 'ended'
}

async function bootId(): Promise<string> {
  return await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (id) => id.trim(),
    () => '',
  )
}

async function pidNamespace(): Promise<string> {
  return await readlink('/proc/self/ns/pid').catch(() => '')
}

/** Field 22 of /proc/<pid>/stat, whose second may hold anything. */
async function startOf(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/stat`, 'utf8').then(
    (text) => text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '',
    () => '',
  )
}
