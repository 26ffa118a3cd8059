/** The moving averages that a run with `--ema` keeps of its weights. */
import { AVERAGE, type StateLayout, viewState } from '../../engine/graph/state-layout.ts'
import { expected } from '../../vocabulary/fault.ts'
import type { StateSnapshot } from './state-tensors.ts'

/** Sets the averages of a run that begins to its weights. */
export function startAverages({ tensors }: StateLayout, state: SharedArrayBuffer): void {
  const weights = new Map(tensors.filter(({ role }) => role === 'weight').map((tensor) => [tensor.name, tensor]))
  for (const tensor of tensors) {
    const weight = tensor.slot === AVERAGE ? weights.get(tensor.name.slice(AVERAGE.length + 1)) : undefined
    if (weight !== undefined) viewState(tensor, state).set(viewState(weight, state))
  }
}

/**
 * The tensors of a checkpoint with the averages in place of the weights; running averages of batch norms are the checkpoint's.
 * @param source checkpoint, for the message
 * @throws UserFault where the run kept none
 */
export function averagedWeights({ model, optimizer }: StateSnapshot, source: string): StateSnapshot {
  if (![...optimizer.keys()].some((name) => name.startsWith(`${AVERAGE}.`))) {
    throw expected('a run that was trained with --ema', '--ema', source, 'Leave --ema out for the weights themselves.')
  }
  const averaged = model.map((tensor) => ({
    ...tensor,
    data: optimizer.get(`${AVERAGE}.${tensor.name}`) ?? tensor.data,
  }))
  return { model: averaged, optimizer }
}
