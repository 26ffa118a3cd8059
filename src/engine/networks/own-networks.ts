/** Networks that a user defines. */
import { callOwn, findOwn, isRecord, wrongOwn } from '../../vocabulary/own-definitions.ts'
import { isValue, printValue } from '../graph/own-values.ts'
import type { Network } from './network.ts'

const REMEDY = 'End branch with layers.linear(name, features, classes), features being f32 [images, n].'

/** The network that a setting's word names, each of its values checked as it is captured; null for words that name none. */
export function findOwnNetwork(reference: string): Network | null {
  const own = findOwn('network', reference)
  if (own === null) return null
  const { definition, source } = own
  if (!isNetwork(definition)) {
    const received = isRecord(definition) ? `an object with ${Object.keys(definition).join(', ')}` : typeof definition
    throw wrongOwn('a network with the functions trunk and branch', source, received, 'Make it with defineNetwork.')
  }
  return {
    name: reference,
    trunk: (layers, images) => {
      const remedy = 'The layers take values of the shapes that their descriptions say.'
      const features = callOwn('trunk', source, remedy, () => definition.trunk(layers, images))
      if (isValue(features) && features.shape[0] === images.shape[0]) return features
      throw wrongOwn(
        'features of each image from trunk',
        source,
        printValue(features),
        'Return the last layer of trunk.',
      )
    },
    branch: (layers, features, classes) => {
      const logits = callOwn('branch', source, REMEDY, () => definition.branch(layers, features, classes))
      const wanted = [features.shape[0], classes]
      if (isValue(logits) && logits.dtype === 'f32' && String(logits.shape) === String(wanted)) return logits
      throw wrongOwn(`logits f32 [${wanted.join(', ')}] from branch`, source, printValue(logits), REMEDY)
    },
  }
}

function isNetwork(definition: unknown): definition is Network {
  return isRecord(definition) && typeof definition['trunk'] === 'function' && typeof definition['branch'] === 'function'
}
