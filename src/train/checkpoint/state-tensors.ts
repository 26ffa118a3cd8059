/** Between the flat f32 memory of a run and named tensors, every name and shape checked. */
import { type StateLayout, type StateTensor, viewState } from '../../engine/graph/state-layout.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { printShape, sameShape } from '../../vocabulary/shape.ts'
import type { NamedTensor } from './safetensors.ts'

/** A copy of a run's tensors that stays as it is while training goes on. */
export interface StateSnapshot {
  /** Weights and running averages. */
  readonly model: readonly NamedTensor[]
  /** The optimizer's states by the tensor's name, e.g. `momentum.conv1.weight`. */
  readonly optimizer: ReadonlyMap<string, Float32Array>
}

type StateMemory = SharedArrayBuffer | ArrayBuffer

/** Of the tensors that differ: another network differs in all. */
const LISTED = 3

/** Counters that PyTorch's batch norm carries and that nothing reads where its momentum is a number. */
export const isBatchCounter = (name: string) => name === 'num_batches_tracked' || name.endsWith('.num_batches_tracked')

/** Copies all tensors out of the state, so between two steps this is a run at one moment. */
export function snapshotState(layout: StateLayout, state: StateMemory): StateSnapshot {
  const { model, optimizer } = viewSnapshot(layout, state)
  const copy = (data: Float32Array) => Float32Array.from(data)
  return {
    model: model.map((tensor) => ({ ...tensor, data: copy(tensor.data) })),
    optimizer: new Map([...optimizer].map(([name, data]) => [name, copy(data)])),
  }
}

/** As snapshotState, without a copy: what it gives changes with the state. */
export function viewSnapshot(layout: StateLayout, state: StateMemory): StateSnapshot {
  const model: NamedTensor[] = []
  const optimizer = new Map<string, Float32Array>()
  for (const tensor of layout.tensors) {
    const data = viewState(tensor, state)
    if (tensor.role === 'optimizer') optimizer.set(tensor.name, data)
    else model.push({ name: tensor.name, shape: tensor.shape, data })
  }
  return { model, optimizer }
}

/** The first tensor with an element that is not finite, and that element; null where all are. */
export function findNotFinite(layout: StateLayout, state: StateMemory): { tensor: string; element: number } | null {
  for (const tensor of layout.tensors) {
    const element = viewState(tensor, state).find((value) => !Number.isFinite(value))
    if (element !== undefined) return { tensor: tensor.name, element }
  }
  return null
}

/**
 * Writes a snapshot's tensors into the state.
 * @param source what the tensors come from, for the message
 * @throws UserFault that names tensors that are missing, unknown or of another shape; the state is then untouched
 */
export function restoreState(layout: StateLayout, state: StateMemory, snapshot: StateSnapshot, source: string): void {
  const modelTensors = layout.tensors.filter(({ role }) => role !== 'optimizer')
  const states = layout.tensors.filter(({ role }) => role === 'optimizer')
  const differences = compareTensors(modelTensors, snapshot.model)
  const stateNames = new Set(states.map(({ name }) => name))
  for (const tensor of states) {
    const length = snapshot.optimizer.get(tensor.name)?.length
    if (length === undefined) differences.push(`${tensor.name} is missing`)
    else if (length !== viewState(tensor, state).length) {
      differences.push(`${tensor.name} has ${length} elements, not those of ${printShape(tensor.shape)}`)
    }
  }
  for (const name of snapshot.optimizer.keys()) {
    if (!stateNames.has(name)) differences.push(`${name} is not part of this network and its optimizer`)
  }
  refuseDifferences(
    differences,
    source,
    'Take config.json and checkpoint of one run, and the images it was trained on.',
  )
  const byName = new Map(snapshot.model.map((tensor) => [tensor.name, tensor.data]))
  for (const tensor of layout.tensors) {
    const data = (tensor.role === 'optimizer' ? snapshot.optimizer : byName).get(tensor.name)
    if (data !== undefined) viewState(tensor, state).set(data)
  }
}

/**
 * Writes weights of a network that was trained before into these tensors of the state; all of one have to be in the other.
 * @param source what the weights come from, for the message
 * @throws UserFault as restoreState; the state is then untouched
 */
export function loadWeights(
  tensors: readonly StateTensor[],
  given: readonly NamedTensor[],
  state: StateMemory,
  source: string,
  remedy: string,
): void {
  refuseDifferences(compareTensors(tensors, given), source, remedy)
  const byName = new Map(given.map(({ name, data }) => [name, data]))
  for (const tensor of tensors) {
    const data = byName.get(tensor.name)
    if (data !== undefined) viewState(tensor, state).set(data)
  }
}

function compareTensors(wanted: readonly StateTensor[], given: readonly NamedTensor[]): string[] {
  const differences: string[] = []
  const givenByName = new Map(given.map((tensor) => [tensor.name, tensor]))
  const wantedNames = new Set(wanted.map(({ name }) => name))
  for (const { name, shape } of wanted) {
    const found = givenByName.get(name)
    if (found === undefined) differences.push(`${name} ${printShape(shape)} is missing`)
    else if (!sameShape(found.shape, shape)) {
      differences.push(`${name} has shape ${printShape(found.shape)}, not ${printShape(shape)}`)
    }
  }
  for (const { name, shape } of given) {
    if (!wantedNames.has(name)) differences.push(`${name} ${printShape(shape)} is not part of this network`)
  }
  return differences
}

/** @throws UserFault that names the first of them; none where there are none */
export function refuseDifferences(differences: readonly string[], source: string, remedy: string): void {
  if (differences.length === 0) return
  const count = differences.length === 1 ? '1 differs' : `${differences.length} differ`
  const listed = differences.slice(0, LISTED).map((difference) => `\n  ${difference}`)
  if (differences.length > LISTED) listed.push(`\n  and ${differences.length - LISTED} more`)
  throw new UserFault(`Expected the tensors of this network for ${source} but ${count}:${listed.join('')}`, remedy)
}
