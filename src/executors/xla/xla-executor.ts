import type { Program } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import { expected } from '../../vocabulary/fault.ts'
import type { Executor, PendingRun, QueuedProgram, ReplicaPlace, RunInputs, SharedRunMemory } from '../executor.ts'
import { encodeCompileOptions } from './compile-options.ts'
import { DeviceCopy } from './device-copy.ts'
import { type FoundPlugin, findPlugin, pluginIdentity } from './find-plugin.ts'
import { type HostInputKind, type LoweredProgram, lowerProgram } from './lower-program.ts'
import { type OpenClient, openClient, type XlaDevices } from './open-client.ts'
import { type ClientFacts, loadPjrtAddon, type PjrtClient, type PjrtProgram, type PjrtRun } from './pjrt-addon.ts'
import { programKey, readCached, writeCached } from './program-cache.ts'
import { abandon, abandonedWord, EXCHANGE_BYTES, meetReplicas, readHandle, writeHandle } from './replica-meeting.ts'

/** Seconds that a device may take for one run before it is given up; far more than any step takes. */
const PATIENCE_VARIABLE = 'NATIVE_ENSEMBLE_XLA_TIMEOUT'
const PATIENCE_SECONDS = 600

/** Flags of XLA by platform: equal runs are to give equal numbers. */
const FLAGS = { cpu: {}, gpu: { xla_gpu_exclude_nondeterministic_ops: true } } as const

/** How programs are compiled; the defaults are what training uses. */
export interface XlaOptions {
  /**
   * false = each value is rounded to its type, as on the other executors. By default XLA may keep a bf16 value that is
   * widened again in f32.
   */
  readonly excessPrecision?: boolean
}

/** A program on a device of a PJRT plugin. */
export interface XlaProgram extends QueuedProgram {
  readonly lowered: LoweredProgram
}

export interface XlaExecutor extends Executor {
  compile(program: Program, layout: StateLayout, memory: SharedRunMemory, place: ReplicaPlace): XlaProgram
}

/**
 * Compiles programs with XLA through a PJRT plugin and keeps the state on its devices. One client owns all devices of
 * the process: the thread that calls `prepare` opens it, the replicas join it through the shared memory.
 * @throws UserFault where the addon is missing
 */
export function xlaExecutor(devices: XlaDevices, options: XlaOptions = {}): XlaExecutor {
  loadPjrtAddon()
  let opened: OpenClient | null = null
  const copies = new WeakMap<SharedArrayBuffer, DeviceCopy>()

  const open = (): OpenClient => {
    opened ??= openClient(devices)
    return opened
  }
  const join = (memory: SharedRunMemory): PjrtClient => {
    const handle = readHandle(memory.exchange)
    return handle === null ? open().client : new (loadPjrtAddon().Client)(handle)
  }
  const copyOn = (
    client: PjrtClient,
    layout: StateLayout,
    memory: SharedRunMemory,
    place: ReplicaPlace,
  ): DeviceCopy => {
    const known = copies.get(memory.state)
    if (known !== undefined) return known
    const copy = new DeviceCopy(client, place.replica, layout, memory)
    copies.set(memory.state, copy)
    return copy
  }

  return {
    name: 'xla',
    stepsAhead: 4,
    exchangeBytes: () => EXCHANGE_BYTES,
    check: () => {
      findPlugin(devices.platform, devices.plugin)
    },
    prepare: (memory) => {
      const { client, warning } = open()
      if (warning !== null) process.emitWarning(warning)
      writeHandle(memory.exchange, client.handle())
    },
    abandon,
    pullState: ({ state }) => copies.get(state)?.pull(patience()),
    pushState: ({ state }) => copies.get(state)?.invalidate(),
    compile: (program, layout, memory, place) => {
      const client = join(memory)
      const copy = copyOn(client, layout, memory, place)
      return new CompiledXla(program, {
        client,
        copy,
        memory,
        place,
        plugin: findPlugin(devices.platform, devices.plugin),
        hosts: devices.hosts?.hosts ?? 1,
        ...options,
      })
    },
  }
}

interface Compilation extends XlaOptions {
  readonly client: PjrtClient
  readonly copy: DeviceCopy
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly plugin: FoundPlugin
  readonly hosts: number
}

class CompiledXla implements XlaProgram {
  readonly lowered: LoweredProgram
  readonly #native: PjrtProgram
  readonly #copy: DeviceCopy
  readonly #memory: SharedRunMemory
  readonly #place: ReplicaPlace
  readonly #writes: readonly number[]

  constructor(program: Program, compilation: Compilation) {
    const { client, copy, memory, place, plugin, excessPrecision = true } = compilation
    // What sums nothing over the replicas is run by a host for itself.
    const hosts = program.nodes.some(({ op }) => op === 'AllReduceMean') ? compilation.hosts : 1
    const replicas = place.replicas * hosts
    const facts = client.facts()
    const platform = facts.platform === 'cpu' ? 'cpu' : 'gpu'
    this.#copy = copy
    this.#memory = memory
    this.#place = place
    this.lowered = lowerProgram(program, { replicas, wideFilterGradients: platform === 'cpu' })
    const { text, reads, writes, inputs, outputElements } = this.lowered
    const options = encodeCompileOptions({
      replicas,
      deviceIds: replicaDevices(facts, place.replicas, hosts),
      flags: {
        ...FLAGS[platform],
        ...(plugin.toolkit === null ? {} : { xla_gpu_cuda_data_dir: plugin.toolkit }),
        ...(excessPrecision ? {} : { xla_allow_excess_precision: false }),
      },
    })
    this.#writes = writes.map((name) => copy.place(name))
    const binding = { reads: reads.map((name) => copy.place(name)), writes: this.#writes, outputs: outputElements }
    const shapes = inputs.map(({ shape }) => shape)
    const { Program } = loadPjrtAddon()
    const key = programKey(text, options, facts, pluginIdentity(plugin))
    // The hosts compile together: one that took its program from the disk would let the others wait.
    const cached = hosts > 1 ? null : readCached(key)
    const kept = cached === null ? null : attempt(() => new Program(client, cached, options, binding, shapes, key))
    this.#native = kept ?? new Program(client, text, options, binding, shapes, key)
    // Not every plugin can hand out what it compiled.
    if (kept === null && place.replica === 0 && hosts === 1) {
      const bytes = attempt(() => this.#native.serialise())
      if (bytes !== null) writeCached(key, bytes)
    }
  }

  run(inputs: RunInputs, outputs: Float32Array): void {
    const { outputElements } = this.lowered
    if (outputs.length !== outputElements) {
      throw new Error(`Expected room for ${outputElements} outputs but received ${outputs.length}`)
    }
    outputs.set(this.start(inputs).outputs())
  }

  start(inputs: RunInputs): PendingRun {
    const { Run } = loadPjrtAddon()
    const { outputElements, collective } = this.lowered
    const arrays = this.lowered.inputs.map(({ kind, shape }) => checkLength(inputs, kind, shape))
    this.#copy.refresh()
    const launch = this.#copy.nextLaunch(collective)
    if (collective) meetReplicas(this.#memory.exchange, this.#copy.nextMeeting(), this.#place.replicas)
    const run = new Run(this.#native, this.#copy.native, arrays, launch)
    this.#copy.markChanged(this.#writes)
    return new StartedXlaRun(run, arrays, outputElements, abandonedWord(this.#memory.exchange))
  }

  dispose(): void {
    this.#native.dispose()
  }
}

class StartedXlaRun implements PendingRun {
  readonly #native: PjrtRun
  readonly #outputElements: number
  readonly #abandoned: Int32Array
  /** Held so that their memory stays while the device reads it. */
  #inputs: readonly unknown[]

  constructor(native: PjrtRun, inputs: readonly unknown[], outputElements: number, abandoned: Int32Array) {
    this.#native = native
    this.#inputs = inputs
    this.#outputElements = outputElements
    this.#abandoned = abandoned
  }

  waitUntilRead(): void {
    if (this.#inputs.length > 0) this.#native.waitUntilRead(this.#abandoned, patience())
    this.#inputs = []
  }

  waitUntilEnded(): void {
    this.#native.waitUntilEnded(this.#abandoned, patience())
  }

  fetch(): void {
    this.#native.fetch()
  }

  outputs(): Float32Array {
    const outputs = new Float32Array(this.#outputElements)
    this.#native.outputs(outputs, this.#abandoned, patience())
    return outputs
  }
}

/**
 * Global numbers of the devices by replica: this host's first ones, or as many of each host in the order of the hosts.
 * @throws UserFault where a host has fewer
 */
export function replicaDevices({ devices, everywhere }: ClientFacts, replicas: number, hosts: number): number[] {
  if (hosts === 1) return devices.slice(0, replicas).map(({ id }) => id)
  return Array.from({ length: hosts }, (_, host) => {
    const own = everywhere.flatMap(({ id, process }) => (process === host ? [id] : [])).toSorted((a, b) => a - b)
    if (own.length >= replicas) return own.slice(0, replicas)
    const remedy = 'Give each host as many --devices.'
    throw expected(`${replicas} or more devices on each host`, '--devices', `${own.length} on host ${host}`, remedy)
  }).flat()
}

/** Before anything is launched: a replica that fails later would leave its partners waiting. */
function checkLength(inputs: RunInputs, kind: HostInputKind, shape: readonly number[]) {
  const array = inputs[kind]
  const elements = shape.reduce((product, size) => product * size, 1)
  if (array.length !== elements) throw new Error(`Expected ${elements} ${kind} but received ${array.length}`)
  return array
}

/** What a step that may fail gives, null where it did. */
function attempt<T>(step: () => T): T | null {
  try {
    return step()
  } catch {
    return null
  }
}

/** Milliseconds that a device may take for a run. */
function patience(): number {
  const given = Number(process.env[PATIENCE_VARIABLE])
  return 1000 * (given > 0 ? given : PATIENCE_SECONDS)
}
