import { loadInitialWeights } from '../checkpoint/state-tensors.ts'
import type { RunConfig } from '../config/run-config.ts'
import { drawInitialState } from '../networks/initial-weights.ts'
import type { TrainingStep } from '../step/training-program.ts'
import { expected } from '../vocabulary/fault.ts'

/** State that a new run begins with: drawn from the seed, and from the file of --init. @throws UserFault for that file */
export async function fillInitialState(
  { seed, init, method }: RunConfig,
  { parameters, layout }: TrainingStep,
  state: SharedArrayBuffer,
): Promise<void> {
  if (method === 'snapshot') {
    throw expected('vanilla, one, dml or ensemble', '--method', method, 'Training by the others is not there yet.')
  }
  drawInitialState(parameters, layout, state, seed)
  if (init !== null) await loadInitialWeights(init, layout, state)
}
