import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/** The text of a file, null where it cannot be read. */
type ReadText = (path: string) => string | null

const CGROUPS = '/sys/fs/cgroup'

/**
 * Logical CPUs that this process uses, ascending: those that it may run on, no more than the quota of time of its container or
 * service pays for (threads or processes beyond it would stop in turns while the others wait for them).
 */
export function allowedCores(): number[] {
  return affinity().slice(0, leastQuota(readText))
}

/**
 * Cores that the smallest quota pays for on the way from this process's group to the root: a container sees its own group as
 * the root, a service of systemd lies deeper, and each level may have a quota.
 */
export function leastQuota(read: ReadText): number {
  const lines = (read('/proc/self/cgroup') ?? '').trim().split('\n')
  const quotas: number[] = []
  const climb = (group: string, quotaOf: (group: string) => string | null) => {
    for (let place = group; ; place = dirname(place)) {
      quotas.push(quotaCores(quotaOf(place)))
      if (place === dirname(place)) return
    }
  }
  const groupOf = (controllers: RegExp) =>
    lines.map((line) => controllers.exec(line)?.[1]).find((found) => found) ?? '/'
  climb(groupOf(/^0::(\/.*)$/), (group) => read(join(CGROUPS, group, 'cpu.max')))
  // The first kind of cgroups has a tree for each controller.
  climb(groupOf(/^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/), (group) => {
    const part = (name: string) => read(join(CGROUPS, 'cpu', group, `cpu.cfs_${name}_us`))?.trim() ?? 'max'
    return `${part('quota')} ${part('period')}`
  })
  return Math.min(...quotas)
}

/** `cpu.max` of a cgroup, `200000 100000` = two cores; `max` or nothing = no quota. At least 1. */
export function quotaCores(text: string | null): number {
  const [quota, period] = (text ?? 'max').trim().split(/\s+/).map(Number)
  if (quota === undefined || period === undefined || !(quota > 0 && period > 0)) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.ceil(quota / period))
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function affinity(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readText('/proc/self/status') ?? '')?.[1]
  if (list !== undefined) return parseCoreList(list)
  // No /proc: the count is all there is to know.
  return Array.from({ length: availableParallelism() }, (_, core) => core)
}

/** `0-3,8` -> [0, 1, 2, 3, 8]. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, place) => first + place)
  })
}
