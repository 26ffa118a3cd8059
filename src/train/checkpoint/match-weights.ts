/** Which of the given weights goes into which tensor of a new run, and what stays as it was drawn. */
import type { StateTensor } from '../../engine/graph/state-layout.ts'
import { parameterOwner } from '../../engine/methods/deployed-parameters.ts'
import type { MethodName } from '../../engine/methods/registry.ts'
import { printShape, sameShape } from '../../vocabulary/shape.ts'
import { deployedTensors } from './export.ts'
import { isOfClassifier, withOurNames } from './other-names.ts'
import type { NamedTensor } from './safetensors.ts'

/** The run that is to begin with the weights. */
export interface WeightsWanted {
  /** Weights and running averages. */
  readonly tensors: readonly StateTensor[]
  readonly method: MethodName
  /** Names of the tensors of the layers that give the logits. */
  readonly classifiers: ReadonlySet<string>
}

export interface WeightsGiven {
  readonly tensors: readonly NamedTensor[]
  /** null where nothing says which trained them. */
  readonly method: MethodName | null
  /** Whether the classes are the run's, in its order; null where nothing says it. */
  readonly sameClasses: boolean | null
}

export interface MatchedWeights {
  /** By the tensor of the run. */
  readonly filled: ReadonlyMap<string, NamedTensor>
  /** Tensors of classifiers that stay as they were drawn. */
  readonly anew: readonly string[]
  /** What is missing, of another shape, or of no use to the run, in words. */
  readonly differences: readonly string[]
  /** Members that one plain network fills; 0 where all have weights of their own. */
  readonly members: number
}

/**
 * Tensor by tensor where both have the same members. Else the given network, the first member where there are several, fills
 * what is shared and every member. Equal members would learn the same where nothing tells them apart: without a gate that is
 * trained, those but the first then keep classifiers of their own.
 */
export function matchWeights(wanted: WeightsWanted, given: WeightsGiven): MatchedWeights {
  const tensors = withOurNames(given.tensors)
  const owned = wanted.tensors.map((tensor) => ({ tensor, owner: parameterOwner(tensor.name, wanted.method) }))
  const scopes = scopesOf(wanted.tensors, wanted.method)
  const same = scopes.join() === scopesOf(tensors, given.method).join()
  const source = same ? tensors : deployedTensors(tensors, 0, given.method)
  const byName = new Map(source.map((tensor) => [tensor.name, tensor]))
  const gated = owned.some(({ owner }) => owner === 'training')
  const [filled, used] = [new Map<string, NamedTensor>(), new Set<string>()]
  const [anew, differences]: [string[], string[]] = [[], []]

  for (const { tensor, owner } of owned) {
    const { name, shape } = tensor
    // A plain network has no gate: it stays as it was drawn.
    if (!same && owner === 'training') continue
    const plain = !same && typeof owner === 'object' ? owner.name : name
    const found = byName.get(plain)
    used.add(plain)
    const isClassifier = wanted.classifiers.has(name)
    const equals = !same && !gated && typeof owner === 'object' && owner.member > 0
    const fits = found !== undefined && sameShape(found.shape, shape)
    if (isClassifier && (equals || given.sameClasses === false || (!fits && mayBeAnew(found, shape)))) anew.push(name)
    else if (found === undefined) differences.push(`${plain} ${printShape(shape)} is missing`)
    else if (!fits) differences.push(`${plain} has shape ${printShape(found.shape)}, not ${printShape(shape)}`)
    else filled.set(name, found)
  }
  for (const { name, shape } of source) {
    const known = used.has(name) || (anew.length > 0 && isOfClassifier(name))
    if (known || parameterOwner(name, given.method) === 'training') continue
    differences.push(`${name} ${printShape(shape)} is not part of this network`)
  }
  return { filled, anew, differences: [...new Set(differences)], members: same ? 0 : scopes.length }
}

/** Of other classes, with the same features; or a network without its classifier. */
function mayBeAnew(found: NamedTensor | undefined, shape: readonly number[]): boolean {
  return found === undefined || sameShape(found.shape.slice(1), shape.slice(1))
}

/** `branches.0`, `branches.1`, ...: first parts of the names of what members own; none for a plain network. */
function scopesOf(tensors: readonly { readonly name: string }[], method: MethodName | null): string[] {
  const scopes = tensors.flatMap(({ name }) => {
    const owner = parameterOwner(name, method)
    return typeof owner === 'object' ? [name.slice(0, -owner.name.length - 1)] : []
  })
  return [...new Set(scopes)].sort()
}
