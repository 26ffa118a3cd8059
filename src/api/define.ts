/** What a user adds to the package without changing it. */
import { fileURLToPath } from 'node:url'
import { admitDefinition } from '../config/own-modules.ts'
import type { OwnDataset } from '../data/datasets/own-dataset.ts'
import type { OwnMethod } from '../engine/methods/own-methods.ts'
import type { Network } from '../engine/networks/network.ts'
import type { OwnOptimizer } from '../engine/optimizers/own-optimizers.ts'
import { expected } from '../vocabulary/fault.ts'
import { isRecord, type OwnKind } from '../vocabulary/own-definitions.ts'

/** An augmentation by the module that decode threads load. */
export interface AugmentationReference {
  /** Absolute path. */
  readonly module: string
}

/**
 * A network of your own: `trunk` takes normalised images [B, 3, H, W] to features [B, C, H', W'], `branch` takes features to
 * logits f32 [B, classes]. ONE gives each branch a copy of what `branch` captures. Names of layers become PyTorch's names of
 * their parameters. Give it to `train({ network })`, or export it as `network` from a module and name that: `--network ./mine.js`.
 * A run records a hash of the text of its functions (or of the bytes of the module), and `resume` refuses another. A process
 * that resumes, evaluates or loads a run of a network given in code defines it again.
 * @throws UserFault where a part is missing; wrong shapes are an error when it is trained, before anything is made
 */
export function defineNetwork(network: Network): Network {
  return complete('network', network, ['trunk', 'branch'])
}

/**
 * A method of your own: `create` gives `capture` (images to predictions, f32 [B, classes] each) and `objective` (predictions to
 * a loss, f32 [], and the parts that it is the sum of, each of which is logged). Give it to `train({ method })`, or export it as
 * `method` from a module: `--method ./mine.js`. Recorded as networks are.
 * @throws UserFault where a part is missing; a loss that is no scalar is an error when it is trained, before anything is made
 */
export function defineMethod(method: OwnMethod): OwnMethod {
  return complete('method', method, ['create'])
}

/**
 * An optimizer of your own: `create` gives the names of its states, of each weight's shape and zero at the start, the numbers it
 * takes from the number of the update, and the update itself as graph operations (`UpdateArithmetic` of
 * `native-ensemble/engine` writes them). Give it to `train({ optimizer })`, or export it as `optimizer`: `--optimizer ./mine.js`.
 * @throws UserFault where a part is missing
 */
export function defineOptimizer(optimizer: OwnOptimizer): OwnOptimizer {
  return complete('optimizer', optimizer, ['create'])
}

/**
 * A dataset of your own: images in arrays, or files that the decode threads read, with your own decoder where the package has
 * none. Give it to `train({ dataset })`, or export it as `dataset`: `--dataset ./mine.js`. A run records what tells its images
 * from others, and `resume` refuses others.
 * @throws UserFault where a part is missing
 */
export function defineDataset(dataset: OwnDataset): OwnDataset {
  return complete('dataset', dataset, ['load'])
}

/**
 * An augmentation of your own: a module that exports `augmentation`, an `OwnAugmentation`. The decode threads load it, so it is
 * given by its address: `train({ augment: defineAugmentation(new URL('./noise.js', import.meta.url)) })`, or `--augment ./noise.js`.
 * @param module absolute path or file: URL
 */
export function defineAugmentation(module: URL | string): AugmentationReference {
  return { module: module instanceof URL || module.startsWith('file:') ? fileURLToPath(module) : module }
}

function complete<Definition extends { readonly name: string }>(
  kind: OwnKind,
  definition: Definition,
  functions: readonly (keyof Definition & string)[],
): Definition {
  const given: unknown = definition
  const missing = functions.find((name) => !isRecord(given) || typeof given[name] !== 'function')
  const name = isRecord(given) && typeof given['name'] === 'string' && given['name'] !== '' ? given['name'] : null
  if (missing === undefined && name !== null) {
    admitDefinition(kind, definition)
    return definition
  }
  const what = name === null ? 'a name' : `the function ${missing}`
  throw expected(
    what,
    `the ${kind}${name === null ? '' : ` ${name}`}`,
    'none',
    `The docstring of define${kind} says what it does.`,
  )
}
