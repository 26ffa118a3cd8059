import type { RunConfig } from '../../config/run-config.ts'
import { drawInitialState } from '../../engine/networks/initial-weights.ts'
import type { TrainingStep } from '../../engine/step/training-program.ts'
import { loadInitialWeights } from '../checkpoint/state-tensors.ts'

/** State that a new run begins with: drawn from the seed, and from the file of --init. @throws UserFault for that file */
export async function fillInitialState(
  { seed, init }: RunConfig,
  { parameters, layout }: TrainingStep,
  state: SharedArrayBuffer,
): Promise<void> {
  drawInitialState(parameters, layout, state, seed)
  if (init !== null) await loadInitialWeights(init, layout, state)
}
