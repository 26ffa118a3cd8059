import { cp, rm } from 'node:fs/promises'
import { checkpointFolder, listCheckpoints } from '../../src/train/checkpoint/checkpoint.ts'

/**
 * Copies a run as a process that was killed would have left it when its newest checkpoint was the last one within an epoch
 * up to `step`: lines of metrics.jsonl go further.
 * @returns step of that checkpoint
 */
export async function rewindRun(run: string, copy: string, step: number, stepsPerEpoch = 10): Promise<number> {
  await cp(run, copy, { recursive: true })
  const steps = await listCheckpoints(copy)
  const from = steps.findLast((saved) => saved <= step && saved % stepsPerEpoch !== 0)
  if (from === undefined) throw new Error(`Expected a checkpoint within an epoch up to step ${step}: ${steps}`)
  for (const saved of steps) if (saved > from) await rm(checkpointFolder(copy, saved), { recursive: true })
  return from
}
