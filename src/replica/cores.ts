import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Logical CPUs that this process may use, ascending. */
export function allowedCores(): number[] {
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
