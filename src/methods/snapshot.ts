import type { Method } from './method.ts'
import { vanilla } from './vanilla.ts'
import { captureWhole } from './whole-networks.ts'

/**
 * Snapshot Ensemble (Huang et al., ICLR 2017): one network trained as vanilla by a learning rate that falls to 0 several
 * times (`cosine-cycles` in src/step/schedule.ts); its weights at the end of each cycle are a member of the ensemble.
 */
export function snapshot(): Method {
  return { ...vanilla(), name: 'snapshot' }
}

/**
 * The ensemble of the snapshots, for evaluation: the mean of their probabilities. What snapshot i owns has the prefix
 * `snapshots.<i>.`.
 */
export function snapshotEnsemble(snapshots: number): Method {
  return {
    ...vanilla(),
    name: 'snapshot ensemble',
    capture: (layers, network, images, classes) => {
      const branches = Array.from({ length: snapshots }, (_, member) =>
        layers.scope(`snapshots.${member}`, () => captureWhole(layers, network, images, classes)),
      )
      return { branches, teacher: layers.graph.applyOne('LogMeanProbability', branches, {}, 'ensemble') }
    },
  }
}
