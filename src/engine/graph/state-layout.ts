import { elementCount, type Shape } from '../../vocabulary/shape.ts'

/** What a state tensor is in training; those of one role lie together in the flat state. */
export type StateRole = 'weight' | 'optimizer' | 'statistic' | 'frozen'

/** Slot of the optimizer's states that holds the moving average of each weight; it begins as the weight. */
export const AVERAGE = 'ema'

/** A tensor of the state, and where it lies. */
export interface StateTensor {
  /** PyTorch's parameter name; of the optimizer `<slot>.<parameter>`, as in `momentum.conv1.weight`. */
  readonly name: string
  readonly shape: Shape
  readonly role: StateRole
  /** Which of the optimizer's states it is; null for all else. */
  readonly slot: string | null
  /** First element in the flat f32 state. */
  readonly offset: number
}

/**
 * Where each state tensor lies in the one flat f32 memory of a run: all weights first, then each of the optimizer's
 * states of all weights in the same order at the same distances, then the running statistics, then what is frozen. Each tensor begins on a 64-byte line.
 */
export interface StateLayout {
  readonly tensors: readonly StateTensor[]
  /** Elements of the weights' region, padding included; the optimizer's states follow, each as long. */
  readonly weightElements: number
  /** Elements of the whole state. */
  readonly elements: number
}

const LINE_ELEMENTS = 16

interface NamedShape {
  readonly name: string
  readonly shape: Shape
}

/**
 * @param weights trained tensors, `statistics` running averages, `frozen` others; in their order in memory
 * @param slots names of the optimizer's states of each weight
 */
export function layOutState(
  weights: readonly NamedShape[],
  statistics: readonly NamedShape[],
  frozen: readonly NamedShape[] = [],
  slots: readonly string[] = [],
): StateLayout {
  const tensors: StateTensor[] = []
  let offset = 0
  const place = (name: string, shape: Shape, role: StateRole, slot: string | null = null) => {
    tensors.push({ name, shape, role, slot, offset })
    offset += Math.ceil(elementCount(shape) / LINE_ELEMENTS) * LINE_ELEMENTS
  }
  for (const { name, shape } of weights) place(name, shape, 'weight')
  const weightElements = offset
  for (const slot of slots) {
    for (const { name, shape } of weights) place(`${slot}.${name}`, shape, 'optimizer', slot)
  }
  for (const { name, shape } of statistics) place(name, shape, 'statistic')
  for (const { name, shape } of frozen) place(name, shape, 'frozen')
  return { tensors, weightElements, elements: offset }
}

/** The tensor's elements as a view into the flat state. */
export function viewState(tensor: StateTensor, state: SharedArrayBuffer | ArrayBuffer): Float32Array {
  return new Float32Array(state, tensor.offset * 4, elementCount(tensor.shape))
}

/** @throws Error where the layout has no such tensor */
export function findState(layout: StateLayout, name: string): StateTensor {
  const tensor = layout.tensors.find((candidate) => candidate.name === name)
  if (tensor === undefined) throw new Error(`Expected a state tensor named ${name} in the layout but received none`)
  return tensor
}
