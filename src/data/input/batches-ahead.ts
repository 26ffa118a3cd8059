import type { AssignedSlot, InputPipeline } from './pipeline.ts'

/**
 * Hands the batches of the open pass to `run`, in order, up to `ahead` of them at a time, until the pass ends or
 * `wanted` says no.
 * @param run releases the batch's slot when it is done with it
 * @throws the first failure; the input's own where it has one, since what waits for a slot only knows that it failed
 */
export async function runBatchesAhead(
  pipeline: InputPipeline,
  ahead: number,
  run: (assigned: AssignedSlot) => Promise<void>,
  wanted: () => boolean = () => true,
): Promise<void> {
  const running: Promise<void>[] = []
  try {
    while (wanted()) {
      const assigned = await pipeline.next()
      if (assigned === null) break
      const pending = run(assigned)
      // Looked at when its turn comes: until then its failure is not one that nobody handles.
      pending.catch(() => undefined)
      running.push(pending)
      if (running.length >= ahead) await running.shift()
    }
    await Promise.all(running)
  } catch (error) {
    throw pipeline.failure ?? error
  }
}
