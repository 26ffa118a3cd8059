/** Whether the disk of a run has room for its checkpoints. */

import { takesSnapshots } from '../../engine/methods/registry.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { listCheckpoints } from '../checkpoint/checkpoint.ts'
import { checkpointBytes, freeBytes } from '../checkpoint/disk-space.ts'
import type { PreparedRun } from './session.ts'
import type { Timetable } from './timetable.ts'

export interface NeededSpace {
  /** Below this a run could not save what it comes to: the first checkpoint, and a second before the first is removed. */
  readonly least: number
  /** For all that are kept, the one being written, and snapshots. */
  readonly most: number
  /** Bytes of one. */
  readonly one: number
}

/** @param existing checkpoints that the run has already */
export function neededSpace({ config, step }: PreparedRun, { epochs }: Timetable, existing: number): NeededSpace {
  const { keep, checkpointMinutes, checkpointSteps, snapshots, method } = config
  const { tensors, elements, weightElements } = step.layout
  const one = checkpointBytes(tensors.length, elements)
  const within = checkpointMinutes > 0 || checkpointSteps > 0
  // The best one is an epoch's end too.
  const kept = Math.min(keep + 1, epochs) + (within ? keep : 0)
  const made = within ? kept + 1 : Math.min(kept + 1, epochs)
  const most = Math.max(1, made - existing)
  const ensemble = takesSnapshots(method) ? snapshots * checkpointBytes(tensors.length, elements - weightElements) : 0
  const least = existing === 0 && epochs > 1 ? 2 : 1
  return { one, least: least * one, most: most * one + ensemble }
}

/**
 * Before anything is made or trained.
 * @param runs those that will lie in `folder`
 * @param note told where there may be too little in the end
 * @throws UserFault with both numbers where there is too little even for the smallest number of checkpoints
 */
export async function checkSpace(
  folder: string,
  runs: readonly { readonly prepared: PreparedRun; readonly timetable: Timetable }[],
  note: (words: string) => void,
): Promise<void> {
  const free = await freeBytes(folder)
  if (free === null) return
  let [least, most] = [0, 0]
  for (const { prepared, timetable } of runs) {
    const needed = neededSpace(prepared, timetable, (await listCheckpoints(prepared.config.out)).length)
    least += needed.least
    most += needed.most
  }
  if (free < least) {
    throw new UserFault(
      `Expected ${printBytes(least)} or more free for the checkpoints in ${folder} but received ${printBytes(free)}.`,
      'Free some space (df -h shows the disks), or name another place.',
    )
  }
  if (free >= most) return
  note(
    `Checkpoints will take up to ${printBytes(most)} in ${folder} and its disk has ${printBytes(free)} free: make room, or ` +
      'keep fewer with --keep. What cannot be written is told, and training goes on.',
  )
}
