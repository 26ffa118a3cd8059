import type { Method } from './method.ts'
import type { MethodDefinition } from './method-definition.ts'
import { vanilla } from './vanilla.ts'
import { captureWhole, ONE_PLAIN_NETWORK } from './whole-networks.ts'

/**
 * Snapshot Ensemble (Huang et al., ICLR 2017): one network trained as vanilla by a learning rate that falls to 0 several
 * times (`cosine-cycles` in src/train/run/schedule.ts); its weights at the end of each cycle are a member of the ensemble.
 */
export function snapshot(): Method {
  return { ...vanilla(), name: 'snapshot' }
}

/** Of the names of what a snapshot owns in the program of the ensemble. */
export function snapshotScope(member: number): string {
  return `snapshots.${member}`
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
        layers.scope(snapshotScope(member), () => captureWhole(layers, network, images, classes)),
      )
      return { branches, teacher: layers.graph.applyOne('LogMeanProbability', branches, {}, 'ensemble') }
    },
  }
}

export const SNAPSHOT: MethodDefinition = {
  help: 'Snapshot Ensemble',
  title: (word) => `snapshot ensemble of ${word('snapshots')}`,
  reads: ['snapshots'],
  // Huang et al. (ICLR 2017) take 5 cycles on CIFAR with ResNets, and the paper's test cost is that of 5 networks.
  defaults: () => ({ snapshots: 5 }),
  schedule: 'cosine-cycles',
  rules: [
    {
      between: ['snapshots', 'epochs', 'steps'],
      find({ snapshots, epochs, steps }) {
        if (steps !== null) {
          const remedy = 'A snapshot is taken at the end of an epoch: give --epochs.'
          return { what: '--epochs', name: '--method snapshot', received: `--steps ${steps}`, remedy }
        }
        if (epochs >= snapshots) return null
        const remedy = `Use --epochs ${snapshots}, or fewer --snapshots.`
        return { what: `${snapshots} or more`, name: '--epochs with as many --snapshots', received: epochs, remedy }
      },
    },
  ],
  members: {
    ...ONE_PLAIN_NETWORK,
    names: () => ({ member: 'network', mean: 'mean of the networks', ensemble: 'ensemble of the snapshots' }),
  },
  ensemble: 'snapshots',
  trainingOnly: [],
  teacher: false,
  create: snapshot,
}
