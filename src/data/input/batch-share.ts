/** One host's part of each batch: hosts have equal parts, in the order of their ranks. */
export interface BatchShare {
  readonly hosts: number
  readonly rank: number
}

export const WHOLE_BATCH: BatchShare = { hosts: 1, rank: 0 }

/**
 * Places of a pass's order that a host takes for one of its batches; over all hosts and batches each place comes once.
 * @param rows of this host's part of a whole batch
 * @param images of the pass; what of the part lies behind them is missing from `count`
 */
export function partOfBatch(
  batch: number,
  rows: number,
  { hosts, rank }: BatchShare,
  images: number,
): { readonly first: number; readonly count: number } {
  const first = (batch * hosts + rank) * rows
  return { first, count: Math.min(rows, Math.max(0, images - first)) }
}
