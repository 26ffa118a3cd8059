import type { UpdateOps } from '../../graph/ops/updates.ts'
import type { LoweringsOf } from './op-lowering.ts'

/** The update is no list of instructions: update-ranges.ts gathers these nodes. */
const gathered = { rows: [], lower: () => undefined }

export const UPDATE_LOWERINGS: LoweringsOf<keyof UpdateOps> = {
  AllReduceMean: gathered,
  ClipByGlobalNorm: gathered,
  SgdNesterov: gathered,
  OptimizerUpdate: gathered,
  RunningAverage: gathered,
}
