import { elementCount, printShape, sameShape } from '../../../vocabulary/shape.ts'
import { nameInputs, type OpAttributes, type OpName } from '../../graph/ops.ts'
import { type NodeFor, operands, type Program, results, typeOf, type ValueId } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import { ACTIVATION_LOWERINGS } from './lower-activation.ts'
import { BATCH_NORM_LOWERINGS } from './lower-batch-norm.ts'
import { CHANNEL_LOWERINGS } from './lower-channels.ts'
import { CLASSIFIER_LOWERINGS } from './lower-classifier.ts'
import { CONVOLUTION_LOWERINGS } from './lower-convolution.ts'
import { DISTILLATION_LOWERINGS } from './lower-distillation.ts'
import { ELEMENTWISE_LOWERINGS } from './lower-elementwise.ts'
import { LOSS_LOWERINGS } from './lower-losses.ts'
import { POOLING_LOWERINGS } from './lower-pooling.ts'
import { UPDATE_LOWERINGS } from './lower-updates.ts'
import type { LoweredCall, LoweringsOf, LoweringTarget, OpLowering } from './op-lowering.ts'
import { findRoundedWeights } from './rounded-weights.ts'
import { type Hlo, type HloDType, HloFunction, hloType } from './stablehlo.ts'
import { regionsOf, type StateRegion } from './state-regions.ts'
import { storedShape, TO_LOGICAL } from './stored-layout.ts'

/**
 * A program as XLA compiles it. Arguments: the regions of the state that it reads (f32, each a vector), bf16 copies of weights,
 * then its host inputs. Results: the regions that it changes, new copies, then outputs.
 */
export interface LoweredProgram {
  /** StableHLO. */
  readonly text: string
  /** Names of regions (state-regions.ts), in the order of the first arguments. */
  readonly reads: readonly string[]
  /** Names of regions, in the order of the first results, which take the memory of those read. */
  readonly writes: readonly string[]
  /** Names of weights whose bf16 copies are the next arguments. */
  readonly roundedReads: readonly string[]
  /** Names of weights whose bf16 copies are the next results, which take the memory of those read. */
  readonly roundedWrites: readonly string[]
  /** What the host gives each run, in the order of the last arguments. */
  readonly inputs: readonly { readonly kind: HostInputKind; readonly shape: readonly number[] }[]
  /** Elements of the last result, all outputs behind one another in logical order; 0 = there is no such result. */
  readonly outputElements: number
  /** Whether replicas meet in it. */
  readonly collective: boolean
}

export type HostInputKind = 'images' | 'labels' | 'scalars'

/** Elements of gradients that go through one all-reduce: large enough for the links, small enough to begin early. */
const BUCKET_ELEMENTS = 2 ** 20

const LOWERINGS: LoweringsOf<Exclude<OpName, 'AllReduceMean'>> = {
  ...ACTIVATION_LOWERINGS,
  ...CONVOLUTION_LOWERINGS,
  ...BATCH_NORM_LOWERINGS,
  ...POOLING_LOWERINGS,
  ...CHANNEL_LOWERINGS,
  ...LOSS_LOWERINGS,
  ...UPDATE_LOWERINGS,
  ...CLASSIFIER_LOWERINGS,
  ...DISTILLATION_LOWERINGS,
  ...ELEMENTWISE_LOWERINGS,
}

/** The lowering of an op for any attributes: the table ties both together, a lookup by name loses that. */
function loweringOf<N extends Exclude<OpName, 'AllReduceMean'>>(op: N): OpLowering<N> {
  return LOWERINGS[op] as OpLowering<N>
}

/**
 * Writes a program as one StableHLO function.
 * @param layout where the program's states lie
 */
export function lowerProgram(program: Program, layout: StateLayout, target: LoweringTarget): LoweredProgram {
  const hlo = new HloFunction()
  const values = new Values()
  const parameters: Hlo[] = []
  const declare = (shape: readonly number[], dtype: HloDType): Hlo => {
    const parameter = { name: `%arg${parameters.length}`, shape, dtype }
    parameters.push(parameter)
    return parameter
  }

  const touched = new Set([...program.states, ...program.updates].map(({ name }) => name))
  const regions = regionsOf(layout).filter(({ tensors }) => tensors.some(({ tensor }) => touched.has(tensor.name)))
  const states = new Map(program.states.map(({ name, value }) => [name, value]))
  const old = new Map(regions.map(({ name, elements }) => [name, declare([elements], 'f32')]))
  for (const region of regions) sliceTensors(hlo, values, region, old.get(region.name), states)
  const rounded = target.keepRounded ? findRoundedWeights(program) : []
  for (const { casts, weight } of rounded) {
    const kept = declare(storedShape(typeOf(program, weight).shape), 'bf16')
    for (const cast of casts) values.set(cast, kept)
  }
  const inputs: { kind: HostInputKind; shape: readonly number[] }[] = []
  if (program.images !== null) {
    const { shape } = typeOf(program, program.images)
    values.set(program.images, declare(shape, 'u8'))
    inputs.push({ kind: 'images', shape })
  }
  if (program.labels !== null) {
    const { shape } = typeOf(program, program.labels)
    values.set(program.labels, hlo.copied(declare(shape, 'i32')))
    inputs.push({ kind: 'labels', shape })
  }
  if (program.scalars.length > 0) {
    const shape = [program.scalars.length]
    const all = hlo.copied(declare(shape, 'f32'))
    inputs.push({ kind: 'scalars', shape })
    program.scalars.forEach(({ value }, place) => {
      values.set(value, hlo.reshape(hlo.slice(all, 0, place, 1), []))
    })
  }

  writeNodes(program, target, hlo, values)
  const updates = new Map(program.updates.map(({ name, value }) => [name, values.find(value)]))
  const written = regions.flatMap((region) => {
    const vector = old.get(region.name)
    const changed = region.tensors.some(({ tensor }) => updates.has(tensor.name))
    return changed && vector !== undefined
      ? [{ name: region.name, result: joinTensors(hlo, region, vector, updates) }]
      : []
  })
  const roundedAnew = rounded.flatMap(({ name, updated }) => (updated === null ? [] : [{ name, updated }]))
  const results = [
    ...written.map(({ result }) => result),
    ...roundedAnew.map(({ updated }) => hlo.convert(values.find(updated), 'bf16')),
  ]
  const outputs = program.outputs.map(({ value }) => flatOutput(hlo, values.find(value)))
  const outputElements = program.outputs.reduce((sum, { value }) => sum + elementCount(typeOf(program, value).shape), 0)
  if (outputs.length > 0) results.push(hlo.concatenate(outputs, 0))
  const reads = regions.map(({ name }) => name)
  const writes = written.map(({ name }) => name)
  const roundedReads = rounded.map(({ name }) => name)
  const roundedWrites = roundedAnew.map(({ name }) => name)
  // The result takes the argument's memory; the argument is gone after the run.
  const copyOf = (name: string) => `bf16 of ${name}`
  const given = new Map([...writes, ...roundedWrites.map(copyOf)].map((name, index) => [name, index]))
  const aliases = [...reads, ...roundedReads.map(copyOf)].map((name) => given.get(name) ?? -1)
  return {
    text: moduleText(program, target.replicas, { parameters, lines: hlo.lines, results, aliases }),
    reads,
    writes,
    roundedReads,
    roundedWrites,
    inputs,
    outputElements,
    collective: target.replicas > 1 && program.nodes.some(({ op }) => op === 'AllReduceMean'),
  }
}

/** What was written of a program's values; a slice of a state's region is written when it is first asked for. */
class Values {
  readonly #written = new Map<ValueId, Hlo>()
  readonly #delayed = new Map<ValueId, () => Hlo>()

  set(id: ValueId, value: Hlo): void {
    this.#written.set(id, value)
  }

  setDelayed(id: ValueId, write: () => Hlo): void {
    this.#delayed.set(id, write)
  }

  has(id: ValueId): boolean {
    return this.#written.has(id)
  }

  get(id: ValueId): Hlo | undefined {
    const delayed = this.#delayed.get(id)
    if (!this.#written.has(id) && delayed !== undefined) this.#written.set(id, delayed())
    return this.#written.get(id)
  }

  /** @throws Error where it was not written yet */
  find(id: ValueId): Hlo {
    const value = this.get(id)
    if (value === undefined) throw new Error(`Expected value ${id} to be written before it is read`)
    return value
  }
}

/** Says where in a region's vector the states of a program lie. */
function sliceTensors(
  hlo: HloFunction,
  values: Values,
  region: StateRegion,
  vector: Hlo | undefined,
  states: ReadonlyMap<string, ValueId>,
): void {
  if (vector === undefined) return
  for (const { tensor, start } of region.tensors) {
    const { name, shape } = tensor
    const state = states.get(name)
    if (state === undefined) continue
    values.setDelayed(state, () => hlo.reshape(sliceOf(hlo, vector, start, elementCount(shape)), storedShape(shape)))
  }
}

/** A region's new vector: the updated tensors, and the old elements of the others. */
function joinTensors(hlo: HloFunction, { tensors }: StateRegion, old: Hlo, updates: ReadonlyMap<string, Hlo>): Hlo {
  const parts = tensors.map(({ tensor: { name, shape }, start }) => {
    const size = elementCount(shape)
    const update = updates.get(name)
    return update === undefined ? sliceOf(hlo, old, start, size) : hlo.reshape(hlo.convert(update, 'f32'), [size])
  })
  return hlo.concatenate(parts, 0)
}

function sliceOf(hlo: HloFunction, vector: Hlo, start: number, size: number): Hlo {
  return size === vector.shape[0] ? vector : hlo.slice(vector, 0, start, size)
}

function writeNodes(program: Program, target: LoweringTarget, hlo: HloFunction, values: Values): void {
  for (const node of program.nodes) {
    // A weight's copy that is an argument, or a gradient that was reduced with an earlier one.
    if (node.outputs.every((output) => values.has(output))) continue
    if (node.op === 'AllReduceMean') {
      const local = operands(node).input('local')
      reduceOverReplicas(program, target, hlo, values)
      if (!values.has(results(node).output('mean'))) {
        throw new Error(`Expected value ${local} to be there before it is reduced`)
      }
    } else writeNode(program, node, target, hlo, values)
  }
}

function writeNode<N extends Exclude<OpName, 'AllReduceMean'>>(
  program: Program,
  node: NodeFor<N>,
  target: LoweringTarget,
  hlo: HloFunction,
  values: Values,
): void {
  const named = nameInputs(
    node,
    node.inputs.map((id) => values.find(id)),
  )
  const outputs = node.outputs.map((id) => typeOf(program, id))
  const attributes: OpAttributes[N] = node.attributes
  const call: LoweredCall<N> = {
    ...named,
    hlo,
    attributes,
    wide: (name) => hlo.convert(named.input(name), 'f32'),
    outputs,
    target,
  }
  const made = loweringOf(node.op)(call)
  node.outputs.forEach((id, place) => {
    const [value, type] = [made[place], typeOf(program, id)]
    if (value === undefined || !sameShape(value.shape, storedShape(type.shape))) {
      const received = value === undefined ? 'none' : printShape(value.shape)
      const wanted = printShape(storedShape(type.shape))
      throw new Error(
        `Expected output ${place} of ${node.op} in layer ${node.label} to be ${wanted} but received ${received}`,
      )
    }
    values.set(id, hlo.convert(value, type.dtype))
  })
}

/** Writes the means of all values that are to be reduced and are there, some in each exchange, the latest made first. */
function reduceOverReplicas(program: Program, target: LoweringTarget, hlo: HloFunction, values: Values): void {
  const waiting = program.nodes.flatMap(({ op, inputs: [input = -1], outputs: [output = -1] }) => {
    const local = values.get(input)
    return op === 'AllReduceMean' && local !== undefined && !values.has(output) ? [{ local, output }] : []
  })
  if (target.replicas === 1) {
    for (const { local, output } of waiting) values.set(output, local)
    return
  }
  // The gradients of the last layers are the first that the backward pass has.
  const buckets = bucketsOf(waiting.reverse())
  // One vector an exchange: XLA would pack several tensors itself, but after it has fused operations with one another.
  const sums = buckets.map((bucket) => {
    const flat = bucket.map(({ local }) => hlo.reshape(local, [elementCount(local.shape)]))
    return hlo.allReduce(hlo.concatenate(flat, 0), target.replicas)
  })
  // An update that follows its exchange at once would have the device wait for it in the middle of the backward pass.
  hlo.together(sums).forEach((sum, place) => {
    const mean = hlo.binary('divide', sum, target.replicas)
    let start = 0
    for (const { local, output } of buckets[place] ?? []) {
      const size = elementCount(local.shape)
      values.set(output, hlo.reshape(hlo.slice(mean, 0, start, size), local.shape))
      start += size
    }
  })
}

/**
 * Neighbours together until a bucket is full. One that is large fills the bucket that it comes to: the few elements of the
 * batch norms between large weights would be exchanges of their own.
 */
function bucketsOf<T extends { readonly local: Hlo }>(waiting: readonly T[]): T[][] {
  const buckets: T[][] = []
  let [bucket, room]: [T[], number] = [[], 0]
  for (const item of waiting) {
    if (room <= 0) {
      bucket = []
      buckets.push(bucket)
      room = BUCKET_ELEMENTS
    }
    bucket.push(item)
    room -= elementCount(item.local.shape)
  }
  return buckets
}

/** f32 elements in logical order. */
function flatOutput(hlo: HloFunction, value: Hlo): Hlo {
  const logical = value.shape.length === 4 ? hlo.transpose(value, TO_LOGICAL) : value
  return hlo.reshape(hlo.convert(logical, 'f32'), [elementCount(value.shape)])
}

interface MainFunction {
  readonly parameters: readonly Hlo[]
  readonly lines: readonly string[]
  readonly results: readonly Hlo[]
  /** Of each of the first parameters the result that takes its memory, -1 = none. */
  readonly aliases: readonly number[]
}

function moduleText(
  { name }: Program,
  replicas: number,
  { parameters, lines, results, aliases }: MainFunction,
): string {
  const signature = parameters.map((parameter, place) => {
    const result = aliases[place] ?? -1
    return `${parameter.name}: ${hloType(parameter)}${result < 0 ? '' : ` {tf.aliasing_output = ${result} : i32}`}`
  })
  const types = results.map(hloType).join(', ')
  return [
    `module @${name.replaceAll(/\W+/g, '_')} attributes {mhlo.num_replicas = ${replicas} : i32, mhlo.num_partitions = 1 : i32} {`,
    `  func.func public @main(${signature.join(', ')}) -> (${types}) {`,
    ...lines.map((line) => `    ${line}`),
    `    return ${results.map((result) => result.name).join(', ')} : ${types}`,
    '  }',
    '}',
  ].join('\n')
}
