import type { WeightGroup } from '../graph/graph-builder.ts'

const WEIGHT_GROUPS: readonly WeightGroup[] = ['norm', 'bias']

/** `norm,bias` -> the groups, `none` -> no group; null for what is neither. */
export function parseWeightGroups(text: string): readonly WeightGroup[] | null {
  const words = text === 'none' ? [] : text.split(',').map((word) => word.trim())
  const groups = WEIGHT_GROUPS.filter((group) => words.includes(group))
  return groups.length === words.length ? groups : null
}
