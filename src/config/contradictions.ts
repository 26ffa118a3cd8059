/** Settings that do not go together: what their rows say, and what takes more than one other setting to tell. */
import { METHOD_NAMES, METHODS, type MethodName, readsSetting } from '../engine/methods/registry.ts'
import { BLOCK_FORMS, familyOf } from '../engine/networks/registry.ts'
import { isMissingOwn, isOwn } from '../vocabulary/own-definitions.ts'
import { type ConfigFault, fault, LEAVE_ONE } from './config-fault.ts'
import { parseDevices } from './devices.ts'
import { OPTION_KEYS, OPTION_TABLE, type OptionKey, settingOf } from './option-table.ts'
import { peerNetworks } from './peers.ts'
import type { RunConfig } from './run-config.ts'

interface Contradiction {
  /** It is not looked for where one of these is wrong by itself. */
  readonly between: readonly (keyof RunConfig)[]
  find(config: RunConfig, given: ReadonlySet<string>): ConfigFault | null
}

/** What the row of a setting says of other settings that it needs, where someone chose it. */
function needsOf(key: OptionKey): Contradiction[] {
  const { flag, needs = [] } = settingOf(key)
  return needs.map(({ setting, values, expects, remedy, unless }) => ({
    between: [setting, key],
    find(config, given) {
      const other = config[setting]
      if (!given.has(key) || config[key] === unless || values.includes(other.replace(/:.*/, ''))) return null
      if (setting === 'method' && isOwn('method', other) && reads(config.method, key)) return null
      if (setting === 'optimizer' && isOwn('optimizer', other)) return null
      if (setting === 'augment' && isOwn('augmentation', other)) return null
      return fault(expects, flag, `${settingOf(setting).flag} ${other}`, remedy)
    },
  }))
}

function reads(method: MethodName, key: OptionKey): boolean {
  return METHODS[method].reads.some((setting) => setting === key)
}

/** A setting that only some methods read, by its row. */
function onlyForMethods(key: OptionKey): Contradiction[] {
  const { flag, methods, neutral } = settingOf(key)
  if (methods === undefined) return []
  const remedy = `Leave ${flag} out, or use ${methods.map((owner) => `--method ${owner}`).join(' or ')}.`
  return [
    {
      between: ['method', key],
      find: ({ method, [key]: value }) =>
        methods.includes(method) || reads(method, key) || value === neutral
          ? null
          : fault(String(neutral ?? 'nothing'), `${flag} with --method ${method}`, value, remedy),
    },
  ]
}

function ofSeveral(key: 'branches' | 'snapshots'): Contradiction {
  const { flag } = OPTION_TABLE[key]
  return {
    between: ['method', key],
    find: ({ method, [key]: count }) =>
      readsSetting(method, key) && count < 2
        ? fault('2 or more', `${flag} with --method ${method}`, count, FOR_ONE_NETWORK)
        : null,
  }
}

/** What a method itself says of its settings. */
function rulesOf(method: MethodName): Contradiction[] {
  return METHODS[method].rules.map((rule) => ({
    between: ['method', ...rule.between],
    find(config, given) {
      const conflict = config.method === method ? rule.find(config, given) : null
      return conflict && fault(conflict.what, conflict.name, conflict.received, conflict.remedy)
    },
  }))
}

const FOR_ONE_NETWORK = 'For one plain network use --method vanilla.'

const CONTRADICTIONS: readonly Contradiction[] = [
  ...OPTION_KEYS.flatMap(needsOf),
  {
    between: ['scale'],
    find({ scale, recipe }, given) {
      if (scale === 1) return null
      if (recipe === null) return fault('a recipe', '--scale', 'none', 'Name one, or give --epochs instead.')
      const length = (['epochs', 'steps'] as const).find((key) => given.has(key))
      if (length === undefined) return null
      const { flag } = OPTION_TABLE[length]
      return fault('either', `--scale and ${flag}`, 'both', LEAVE_ONE)
    },
  },
  ...OPTION_KEYS.flatMap(onlyForMethods),
  ...(['branches', 'snapshots'] as const).map(ofSeveral),
  {
    between: ['method', 'peers', 'network'],
    find({ method, peers, network }) {
      if (!readsSetting(method, 'peers')) return null
      const names = peerNetworks({ network, peers })
      if (names.length < 2) return fault('2 or more', `--peers with --method ${method}`, peers, FOR_ONE_NETWORK)
      const remedy = 'Leave --network out: the first of the peers is the target.'
      return names[0] === network ? null : fault(`${names[0]}`, `--network with --peers ${peers}`, network, remedy)
    },
  },
  {
    between: ['method', 'schedule'],
    find({ method, schedule }) {
      const { schedule: own } = METHODS[method]
      if (own !== null && own !== schedule) {
        return fault(own, `--schedule with --method ${method}`, schedule, 'Leave --schedule out.')
      }
      const owners = METHOD_NAMES.filter((name) => METHODS[name].schedule === schedule)
      if (own !== null || owners.length === 0) return null
      const choices = owners.map((name) => `--method ${name}`).join(' or ')
      return fault(choices, `--schedule ${schedule}`, `--method ${method}`, 'Use --schedule cosine, say.')
    },
  },
  {
    between: ['learningRate', 'cosineFloor'],
    find({ learningRate, cosineFloor }) {
      if (cosineFloor <= learningRate) return null
      const remedy = 'The rate falls to it: use a smaller one.'
      return fault(`at most --lr ${learningRate}`, '--cosine-floor', cosineFloor, remedy)
    },
  },
  {
    between: ['warmUp', 'epochs'],
    find({ warmUp, epochs, steps }) {
      if (steps !== null || warmUp < epochs) return null
      return fault(`less than --epochs ${epochs}`, '--warm-up', warmUp, 'The schedule needs epochs after it.')
    },
  },
  ...METHOD_NAMES.flatMap(rulesOf),
  {
    between: ['init', 'freeze'],
    find: ({ init, freeze }, given) =>
      init === null && freeze !== null && given.has('freeze')
        ? fault('--init', '--freeze', 'nothing', 'Name trained weights with --init: random ones would stay random.')
        : null,
  },
  {
    between: ['init', 'initPartial'],
    find: ({ init, initPartial }, given) =>
      init === null && initPartial === 'on' && given.has('initPartial')
        ? fault('--init', '--init-partial', 'nothing', 'Name the weights with --init, or leave --init-partial out.')
        : null,
  },
  {
    between: ['network', 'block'],
    find({ network, block }) {
      if (block === 'auto' || familyOf(network)?.leavesBlock) return null
      return fault('auto', `--block with --network ${network}`, block, `Only ${BLOCK_FORMS} leaves a choice of blocks.`)
    },
  },
  {
    between: [],
    find: ({ epochs, steps }, given) =>
      given.has('epochs') && given.has('steps')
        ? fault('either', '--epochs and --steps', `both (${epochs}, ${steps})`, LEAVE_ONE)
        : null,
  },
  {
    between: ['executor', 'devices'],
    find({ executor, devices }) {
      const xla = parseDevices(devices).kind !== 'cpu'
      if (xla === (executor === 'xla')) return null
      const remedy = xla ? 'Leave --executor out.' : 'Add --devices gpu, or --devices xla-cpu.'
      return fault(xla ? 'xla' : 'gpu or xla-cpu', xla ? '--executor' : '--devices', xla ? executor : devices, remedy)
    },
  },
  {
    between: ['executor', 'pjrtPlugin'],
    find: ({ executor, pjrtPlugin }) =>
      executor !== 'xla' && pjrtPlugin !== null
        ? fault('--executor xla', '--pjrt-plugin', `--executor ${executor}`, 'Add --devices gpu, or --devices xla-cpu.')
        : null,
  },
  {
    between: ['hosts', 'executor', 'devices'],
    find({ hosts, executor, devices }) {
      if (hosts === 1) return null
      if (executor === 'tfjs') return fault('--executor cpu or xla', '--hosts', '--executor tfjs', LEAVE_ONE)
      if (executor === 'cpu' || parseDevices(devices).kind === 'gpu') return null
      const remedy = "XLA's CPU plugin has no links between processes: use --devices cpu, or GPUs."
      return fault('cpu or gpu', '--devices with --hosts', devices, remedy)
    },
  },
  {
    between: ['batch', 'devices', 'hosts'],
    find({ batch, devices, hosts }) {
      const replicas = hosts * parseDevices(devices).replicas
      if (batch % replicas === 0) return null
      const lower = Math.floor(batch / replicas) * replicas
      const nearest = lower > 0 ? `${lower} or ${lower + replicas}` : String(replicas)
      const place = hosts === 1 ? '' : ` on ${hosts} hosts`
      const what = `a multiple of the ${replicas} replicas of --devices ${devices}${place}`
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
  // What a method reads that is not there, nothing says.
  const passed = isMissingOwn('method', config.method) ? new Set([...wrong, 'method']) : wrong
  return CONTRADICTIONS.filter(({ between }) => !between.some((key) => passed.has(key))).flatMap(
    (contradiction) => contradiction.find(config, given) ?? [],
  )
}
