/** What the classifiers of a run are called where people read of them. */
export interface ClassifierNames {
  /** One of several that were trained together: `branch`, with its number behind. */
  readonly member: string
  /** Of all of those. */
  readonly mean: string
  /** The classifier that all together make. */
  readonly ensemble: string
}

/** @param settings of the run; a setting that is not there counts as ONE's */
export function classifierNames({
  method,
  gate,
}: {
  readonly method?: unknown
  readonly gate?: unknown
}): ClassifierNames {
  switch (method) {
    case 'dml':
      return { member: 'peer', mean: 'mean of the peers', ensemble: 'ensemble' }
    case 'ensemble':
      return { member: 'network', mean: 'mean of the networks', ensemble: 'ensemble' }
    case 'snapshot':
      return { member: 'network', mean: 'mean of the networks', ensemble: 'ensemble of the snapshots' }
    default: {
      const teacher = gate === 'average' ? 'average of the branches (ONE-E)' : 'gated teacher (ONE-E)'
      return { member: 'branch', mean: 'mean of the branches', ensemble: teacher }
    }
  }
}
