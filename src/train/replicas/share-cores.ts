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
