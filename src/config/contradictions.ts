import { parseNetworkName } from '../vocabulary/network-name.ts'
import { type ConfigFault, fault } from './config-fault.ts'
import { parseDevices } from './devices.ts'
import { OPTION_TABLE } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/** Settings that do not go together. */
interface Contradiction {
  /** It is not looked for where one of these is wrong by itself. */
  readonly between: readonly (keyof RunConfig)[]
  find(config: RunConfig, given: ReadonlySet<string>): ConfigFault | null
}

function distillationOnly(key: 'rampUp' | 'temperature'): Contradiction {
  const { flag } = OPTION_TABLE[key]
  return {
    between: ['method'],
    find: ({ method }, given) =>
      method === 'vanilla' && given.has(key)
        ? fault('--method one', flag, '--method vanilla', `Leave ${flag} out: nothing is distilled.`)
        : null,
  }
}

const CONTRADICTIONS: readonly Contradiction[] = [
  {
    between: ['method', 'branches'],
    find({ method, branches }) {
      if (method === 'one') {
        const remedy = 'For a plain network use --method vanilla.'
        return branches < 2 ? fault('2 or more', '--branches with --method one', branches, remedy) : null
      }
      const remedy = 'Leave --branches out, or use --method one.'
      return branches === 1 ? null : fault('1', '--branches with --method vanilla', branches, remedy)
    },
  },
  {
    between: ['network', 'block'],
    find({ network, block }) {
      if (block === 'auto' || parseNetworkName(network)?.family === 'cifar-resnet') return null
      return fault('auto', `--block with --network ${network}`, block, 'Only resnet-<6n+2> leaves a choice of blocks.')
    },
  },
  distillationOnly('rampUp'),
  distillationOnly('temperature'),
  {
    between: [],
    find: ({ epochs, steps }, given) =>
      given.has('epochs') && given.has('steps')
        ? fault('either', '--epochs and --steps', `both (${epochs}, ${steps})`, 'Leave one of them out.')
        : null,
  },
  {
    between: ['executor', 'tfjsBackend'],
    find: ({ executor }, given) =>
      executor !== 'tfjs' && given.has('tfjsBackend')
        ? fault('--executor tfjs', '--tfjs-backend', `--executor ${executor}`, 'Add --executor tfjs.')
        : null,
  },
  {
    between: ['batch', 'devices'],
    find({ batch, devices }) {
      const { replicas } = parseDevices(devices)
      if (batch % replicas === 0) return null
      const lower = Math.floor(batch / replicas) * replicas
      const nearest = lower > 0 ? `${lower} or ${lower + replicas}` : String(replicas)
      const what = `a multiple of the ${replicas} replicas of --devices ${devices}`
      return fault(what, '--batch', batch, `Use --batch ${nearest}.`)
    },
  },
]

/** @param wrong settings that are wrong by themselves */
export function findContradictions(
  config: RunConfig,
  given: ReadonlySet<string>,
  wrong: ReadonlySet<string>,
): ConfigFault[] {
  return CONTRADICTIONS.filter(({ between }) => !between.some((key) => wrong.has(key))).flatMap(
    (contradiction) => contradiction.find(config, given) ?? [],
  )
}
