/** Methods that a user defines. */

import { UserFault } from '../../vocabulary/fault.ts'
import { callOwn, findOwn, isRecord, shortName, wrongOwn } from '../../vocabulary/own-definitions.ts'
import type { Value } from '../graph/graph-builder.ts'
import { isValue, printValue } from '../graph/own-values.ts'
import type { Method, Objective, Predictions } from './method.ts'
import type { MethodDefinition, MethodSettings, OtherNetworks } from './method-definition.ts'
import { ONE_PLAIN_NETWORK, wholeNetworkMembers } from './whole-networks.ts'

/** What a step of a method is captured from. */
export type CapturedMethod = Pick<Method, 'capture' | 'objective'> & Partial<Pick<Method, 'scalars'>>

/** A method as a user defines it. */
export interface OwnMethod extends Partial<Pick<MethodDefinition, 'reads' | 'trainingOnly'>> {
  readonly name: string
  /** In titles of reports; default: its name. */
  readonly title?: string
  /** Defaults of the settings that it reads (`branches`, `temperature`, ...). */
  readonly defaults?: Partial<MethodSettings>
  /**
   * What it trains: `network` = one plain network; `branches` = one network with several last stages, what branch i owns
   * captured in `layers.scope('branches.<i>', ...)`; `peers` = whole networks, in `layers.scope('peers.<i>', ...)`.
   */
  readonly members?: 'network' | 'branches' | 'peers'
  /** Predictions and objective. @param settings of the run, those that it `reads` @param others networks of `peers`, the target first */
  create(settings: MethodSettings, others: Pick<OtherNetworks, 'peers'>): CapturedMethod
}

const BRANCHES: MethodDefinition['members'] = {
  scope: 'branches',
  names: () => ({ member: 'branch', mean: 'mean of the branches', ensemble: 'ensemble' }),
  deployed: 'one branch',
  trained: 'all branches',
}
const MEMBERS = { network: ONE_PLAIN_NETWORK, branches: BRANCHES, peers: wholeNetworkMembers('peer') }

/**
 * The method that a setting's word names; null for words that name none. Of one that is not there, what reports need.
 * @throws UserFault where the definition is none of a method
 */
export function findOwnMethod(reference: string): MethodDefinition | null {
  let own: ReturnType<typeof findOwn>
  try {
    own = findOwn('method', reference)
  } catch (error) {
    if (!(error instanceof UserFault)) throw error
    return absentMethod(reference, error)
  }
  return own && definitionOf(own.definition, own.source)
}

function definitionOf(definition: unknown, source: string): MethodDefinition {
  if (!isOwnMethod(definition)) {
    const received = isRecord(definition) ? `an object with ${Object.keys(definition).join(', ')}` : typeof definition
    throw wrongOwn('a method with a name and the function create', source, received, 'Make it with defineMethod.')
  }
  const { name, title = name, reads = [], defaults = {}, members = 'network', trainingOnly = [] } = definition
  if (!Object.hasOwn(MEMBERS, members)) {
    throw wrongOwn('network, branches or peers as members', source, String(members), 'Leave members out for network.')
  }
  return {
    ...{ help: title, title: () => title, reads, defaults: () => defaults, schedule: null, rules: [] },
    ...{ members: MEMBERS[members], ensemble: 'trained', trainingOnly, teacher: false },
    create: (settings, others) => {
      const remedy = 'create returns { capture, objective }.'
      return checkedMethod(
        name,
        source,
        callOwn('create', source, remedy, () => definition.create(settings, others)),
      )
    },
  }
}

function checkedMethod(name: string, source: string, method: unknown): Method {
  if (!isCaptured(method)) {
    throw wrongOwn('{ capture, objective } from create', source, 'something else', 'See defineMethod.')
  }
  return {
    name,
    scalars: method.scalars ?? [],
    capture: (layers, network, images, classes) => {
      const remedy = 'capture returns { branches: [logits, ...], teacher: logits or null }.'
      const given: unknown = callOwn('capture', source, remedy, () => method.capture(layers, network, images, classes))
      const shape = [images.shape[0] ?? 0, classes]
      if (
        isPredictions(given) &&
        [...given.branches, ...(given.teacher === null ? [] : [given.teacher])].every((one) => isLogits(one, shape))
      ) {
        return given
      }
      throw wrongOwn(
        `branches (and teacher) of f32 [${shape.join(', ')}] from capture`,
        source,
        printPredictions(given),
        remedy,
      )
    },
    objective: (graph, predictions, targets, scalar) => {
      const remedy = 'objective returns { total, parts: [{ name, value }] } of scalars f32 []: sumOfParts makes one.'
      const given: unknown = callOwn('objective', source, remedy, () =>
        method.objective(graph, predictions, targets, scalar),
      )
      if (!isObjective(given)) throw wrongOwn('{ total, parts } from objective', source, printValue(given), remedy)
      for (const [part, value] of [
        ['total', given.total] as const,
        ...given.parts.map((one) => [one.name, one.value] as const),
      ]) {
        if (isValue(value) && value.shape.length === 0 && value.dtype === 'f32') continue
        throw wrongOwn(`a scalar f32 [] as ${part} of the objective`, source, printValue(value), remedy)
      }
      return given
    },
  }
}

/** For reports of a run whose method is not there: all that asks for the method itself throws. */
function absentMethod(reference: string, fault: UserFault): MethodDefinition {
  const throws = (): never => {
    throw fault
  }
  return {
    ...{
      help: reference,
      title: () => shortName(reference),
      reads: [],
      defaults: () => ({}),
      schedule: null,
      rules: [],
    },
    ...{ ensemble: 'trained', trainingOnly: [], teacher: false, create: throws },
    members: {
      get scope() {
        return throws()
      },
      names: BRANCHES.names,
      deployed: 'one member',
      trained: null,
    },
  }
}

function isOwnMethod(value: unknown): value is OwnMethod {
  return isRecord(value) && typeof value['name'] === 'string' && typeof value['create'] === 'function'
}

function isCaptured(value: unknown): value is CapturedMethod {
  return isRecord(value) && typeof value['capture'] === 'function' && typeof value['objective'] === 'function'
}

function isPredictions(value: unknown): value is Predictions {
  return isRecord(value) && Array.isArray(value['branches']) && value['branches'].length > 0 && 'teacher' in value
}

function isLogits(value: Value, shape: readonly number[]): boolean {
  return isValue(value) && value.dtype === 'f32' && String(value.shape) === String(shape)
}

function printPredictions(given: unknown): string {
  if (!isPredictions(given)) return isRecord(given) ? `an object with ${Object.keys(given).join(', ')}` : String(given)
  return [...given.branches, ...(given.teacher === null ? [] : [given.teacher])].map(printValue).join(', ')
}

function isObjective(value: unknown): value is Objective {
  return isRecord(value) && 'total' in value && Array.isArray(value['parts']) && value['parts'].every(isRecord)
}
