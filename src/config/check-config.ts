/** Checks a whole RunConfig and tells all that is wrong with it at once. */
import { UserFault } from '../vocabulary/fault.ts'
import { configSchema } from './config-schema.ts'
import { parseDevices } from './devices.ts'
import { OPTION_TABLE, type OptionKey } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/** One thing that is wrong: a sentence and its remedy. */
export interface ConfigFault {
  readonly message: string
  readonly remedy: string
}

/**
 * @param value a complete configuration, from options or from a file
 * @param given settings that someone chose, as against defaults: only those can contradict another
 */
export function findFaults(value: unknown, given: ReadonlySet<string>): ConfigFault[] {
  const checked = configSchema.safeParse(value)
  if (checked.success) return contradictions(checked.data, given)
  const faults = new Map<string, ConfigFault>()
  for (const issue of checked.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0] ?? '')]
    for (const name of names) if (!faults.has(name)) faults.set(name, faultOf(name, value))
  }
  return [...faults.values()]
}

/**
 * @param place where the value comes from, for the message
 * @throws UserFault that lists all faults
 */
export function checkConfig(value: unknown, given: ReadonlySet<string>, place: string): RunConfig {
  refuseFaults(findFaults(value, given), place)
  return configSchema.parse(value)
}

/** @throws UserFault with all of them where there are any */
export function refuseFaults(faults: readonly ConfigFault[], place: string): void {
  const [first] = faults
  if (first === undefined) return
  if (faults.length === 1) throw new UserFault(first.message, first.remedy)
  const list = faults.map(({ message, remedy }) => `  - ${message}. ${remedy}`).join('\n')
  throw new UserFault(`${faults.length} things are wrong with ${place}:\n${list}`, '')
}

function isOptionKey(name: string): name is OptionKey {
  return Object.hasOwn(OPTION_TABLE, name)
}

function faultOf(name: string, config: unknown): ConfigFault {
  const received = typeof config === 'object' && config !== null ? Reflect.get(config, name) : config
  if (!isOptionKey(name)) {
    if (name === 'recipe') return fault('a name or null', 'recipe', received, 'Take the file from a copy.')
    return { message: `Expected a setting that there is but received ${name || print(config)}`, remedy: 'Remove it.' }
  }
  const { flag, expects } = OPTION_TABLE[name]
  return fault(expects, flag, received, remedyOf(name, received))
}

function remedyOf(name: OptionKey, received: unknown): string {
  if (name === 'network') {
    const depth = Number(/^resnet-?(\d+)$/i.exec(String(received))?.[1])
    if (Number.isNaN(depth)) return 'Choose one of these depths.'
    const below = Math.max(1, Math.floor((depth - 2) / 6)) * 6 + 2
    return `Nearest depths: resnet-${below} and resnet-${below + 6}.`
  }
  if (name === 'devices') {
    return /^(gpu|cuda|rocm|metal|tpu)/.test(String(received))
      ? 'This version trains on CPUs; --executor tfjs --tfjs-backend tensorflow can use what TensorFlow finds.'
      : 'native-ensemble devices lists what works here.'
  }
  return `Leave ${OPTION_TABLE[name].flag} out for its default, or correct it.`
}

function contradictions(config: RunConfig, given: ReadonlySet<string>): ConfigFault[] {
  const faults: ConfigFault[] = []
  const { method, branches, batch, executor } = config
  if (method === 'vanilla' && branches !== 1) {
    faults.push(fault('1', '--branches with --method vanilla', branches, 'Leave --branches out, or use --method one.'))
  }
  if (method === 'one' && branches < 2) {
    faults.push(
      fault('2 or more', '--branches with --method one', branches, 'For a plain network use --method vanilla.'),
    )
  }
  for (const key of ['rampUp', 'temperature'] as const) {
    if (method === 'vanilla' && given.has(key)) {
      const { flag } = OPTION_TABLE[key]
      faults.push(fault('--method one', flag, '--method vanilla', `Leave ${flag} out: nothing is distilled.`))
    }
  }
  if (given.has('epochs') && given.has('steps')) {
    const both = `--epochs ${config.epochs} and --steps ${config.steps}`
    faults.push(fault('either epochs or steps', 'the length of the run', both, 'Leave one of them out.'))
  }
  if (executor !== 'tfjs' && given.has('tfjsBackend')) {
    faults.push(fault('--executor tfjs', '--tfjs-backend', `--executor ${executor}`, 'Add --executor tfjs.'))
  }
  const { replicas } = parseDevices(config.devices)
  if (batch % replicas !== 0) {
    const lower = Math.floor(batch / replicas) * replicas
    const nearest = lower > 0 ? `${lower} or ${lower + replicas}` : String(replicas)
    const what = `a multiple of the ${replicas} replicas of --devices ${config.devices}`
    faults.push(fault(what, '--batch', batch, `Use --batch ${nearest}.`))
  }
  return faults
}

function fault(what: string, name: string, received: unknown, remedy: string): ConfigFault {
  return { message: `Expected ${what} for ${name} but received ${print(received)}`, remedy }
}

function print(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? 'nothing')
}
