import type { NodeFor, Program, ProgramNode, ValueId } from '../../graph/program.ts'
import type { StateRole } from '../../graph/state-layout.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import { averageRunning, stepSgd } from './lower-elementwise.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'
import type { StateRegion } from './state-regions.ts'

/** Regions that a program updates as whole vectors, one operation for all of their tensors. */
export interface VectorUpdates {
  /** The nodes that need not be written one by one. */
  readonly nodes: ReadonlySet<ProgramNode>
  /**
   * New elements of the regions, by name.
   * @param old the regions before the run
   * @param find what was written of a value
   */
  write(hlo: HloFunction, old: ReadonlyMap<string, Hlo>, find: (id: ValueId) => Hlo): Map<string, Hlo>
}

/**
 * Finds updates that are the same operation with the same settings for every tensor of a region: the optimiser's step of
 * weights and momentum, and running averages.
 */
export function findVectorUpdates(program: Program, regions: readonly StateRegion[]): VectorUpdates {
  const region = (role: StateRole) =>
    regions.find((candidate) => candidate.role === role && candidate.tensors.length > 1)
  const sgd = sgdOfAll(program, region('weight'), region('momentum'))
  const averages = averagesOfAll(program, region('statistic'))
  return {
    nodes: new Set([...(sgd?.nodes ?? []), ...(averages?.nodes ?? [])]),
    write: (hlo, old, find) =>
      new Map([...(sgd?.write(hlo, old, find) ?? []), ...(averages?.write(hlo, old, find) ?? [])]),
  }
}

/** Tensors of a region one behind the other. @param parts one of each tensor, in their order */
function joinRegion(hlo: HloFunction, parts: readonly Hlo[]): Hlo {
  const flat = parts.map((part) => hlo.reshape(hlo.convert(part, 'f32'), [elementCount(part.shape)]))
  return hlo.concatenate(flat, 0)
}

function sgdOfAll(program: Program, weights?: StateRegion, momenta?: StateRegion): VectorUpdates | null {
  const nodes = weights === undefined ? null : producersOf(program, 'SgdNesterov', weights)
  const [first] = nodes ?? []
  if (nodes === null || first === undefined || weights === undefined || momenta === undefined) return null
  const buffers = new Map(program.updates.map(({ name, value }) => [name, value]))
  const rate = first.inputs[3]
  const alike = ({ attributes, inputs, outputs }: NodeFor<'SgdNesterov'>, index: number) =>
    inputs[3] === rate &&
    outputs[1] === buffers.get(momenta.tensors[index]?.tensor.name ?? '') &&
    attributes.momentum === first.attributes.momentum &&
    attributes.weightDecay === first.attributes.weightDecay
  if (rate === undefined || !nodes.every(alike)) return null
  return {
    nodes: new Set(nodes),
    write: (hlo, old, find) => {
      const gradients = nodes.map(({ inputs }) => find(inputs[2] ?? -1))
      const before = {
        weight: present(old, weights),
        buffer: present(old, momenta),
        gradient: joinRegion(hlo, gradients),
        rate: find(rate),
      }
      const [weight, momentum] = stepSgd(hlo, first.attributes, before)
      return new Map([
        [weights.name, weight],
        [momenta.name, momentum],
      ])
    },
  }
}

function averagesOfAll(program: Program, region?: StateRegion): VectorUpdates | null {
  const nodes = region === undefined ? null : producersOf(program, 'RunningAverage', region)
  const [first] = nodes ?? []
  if (nodes === null || first === undefined || region === undefined) return null
  const { weight } = first.attributes
  if (!nodes.every(({ attributes }) => attributes.weight === weight)) return null
  return {
    nodes: new Set(nodes),
    write: (hlo, old, find) => {
      // Each has a correction of its own, so its part is scaled before they are joined.
      const parts = nodes.map(({ attributes, inputs }) =>
        hlo.binary('multiply', hlo.convert(find(inputs[1] ?? -1), 'f32'), weight * attributes.correction),
      )
      return new Map([[region.name, averageRunning(hlo, weight, present(old, region), joinRegion(hlo, parts))]])
    },
  }
}

function present(regions: ReadonlyMap<string, Hlo>, { name }: StateRegion): Hlo {
  const region = regions.get(name)
  if (region === undefined) throw new Error(`Expected the state ${name} before it is updated`)
  return region
}

/** The nodes that make the updates of a region's tensors, in their order. @returns null unless all are of one op */
function producersOf<N extends 'SgdNesterov' | 'RunningAverage'>(
  program: Program,
  op: N,
  region: StateRegion,
): NodeFor<N>[] | null {
  const values = new Map(program.updates.map(({ name, value }) => [name, value]))
  const isOfOp = (node: ProgramNode): node is NodeFor<N> & ProgramNode => node.op === op
  const producers = new Map(program.nodes.filter(isOfOp).map((node) => [node.outputs[0], node]))
  const nodes = region.tensors.flatMap(({ tensor }) => producers.get(values.get(tensor.name)) ?? [])
  return nodes.length === region.tensors.length ? nodes : null
}

/**
 * New elements of a region of which some tensors are updated one by one.
 * @param find what was written of an update
 */
export function joinUpdates(
  hlo: HloFunction,
  program: Program,
  region: StateRegion,
  old: Hlo,
  find: (id: ValueId) => Hlo,
): Hlo {
  const values = new Map(program.updates.map(({ name, value }) => [name, value]))
  const parts = region.tensors.map(({ tensor: { name, shape }, start }) => {
    const value = values.get(name)
    return value === undefined ? hlo.slice(old, 0, start, elementCount(shape)) : find(value)
  })
  return joinRegion(hlo, parts)
}
