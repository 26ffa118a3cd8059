import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Logical CPUs that a run uses, ascending: those that this process may run on, no more than its container's quota of time
 * pays for (threads beyond it would stop in turns while the others wait for them).
 */
export function allowedCores(): number[] {
  return affinity().slice(0, quotaCores(readQuota()))
}

/** `cpu.max` of a cgroup, `200000 100000` = two cores; `max` or nothing = no quota. At least 1. */
export function quotaCores(text: string | null): number {
  const [quota, period] = (text ?? 'max').trim().split(/\s+/).map(Number)
  if (quota === undefined || period === undefined || !(quota > 0 && period > 0)) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.ceil(quota / period))
}

/** The quota of the container, of either kind of cgroups. */
function readQuota(): string | null {
  try {
    return readFileSync('/sys/fs/cgroup/cpu.max', 'utf8')
  } catch {
    try {
      const part = (name: string) => readFileSync(`/sys/fs/cgroup/cpu/cpu.cfs_${name}_us`, 'utf8').trim()
      return `${part('quota')} ${part('period')}`
    } catch {
      return null
    }
  }
}

function affinity(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (list !== undefined) return parseCoreList(list)
  } catch {
    // No /proc: the count below is all there is to know.
  }
  return Array.from({ length: availableParallelism() }, (_, core) => core)
}

/** `0-3,8` -> [0, 1, 2, 3, 8]. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, place) => first + place)
  })
}

/**
 * Cores of each replica: equal shares, left-over cores unused, so that every replica has as many threads. More replicas
 * than cores take turns on them.
 */
export function shareCores(cores: readonly number[], replicas: number): number[][] {
  const each = Math.max(1, Math.floor(cores.length / replicas))
  return Array.from({ length: replicas }, (_, replica) =>
    Array.from({ length: each }, (_core, place) => cores[(replica * each + place) % cores.length] ?? 0),
  )
}
