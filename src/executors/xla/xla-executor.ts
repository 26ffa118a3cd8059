import type { Program } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import type { Executor, PendingRun, QueuedProgram, ReplicaPlace, RunInputs, SharedRunMemory } from '../executor.ts'
import { encodeCompileOptions } from './compile-options.ts'
import { DeviceCopy } from './device-copy.ts'
import { type FoundPlugin, findPlugin, pluginIdentity } from './find-plugin.ts'
import { type HostInputKind, type LoweredProgram, lowerProgram } from './lower-program.ts'
import { type OpenClient, openClient, type XlaDevices } from './open-client.ts'
import { loadPjrtAddon, type PjrtClient, type PjrtProgram } from './pjrt-addon.ts'
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
}

class CompiledXla implements XlaProgram {
  readonly lowered: LoweredProgram
  readonly #native: PjrtProgram
  readonly #copy: DeviceCopy
  readonly #memory: SharedRunMemory
  readonly #place: ReplicaPlace
  readonly #writes: readonly number[]

  constructor(program: Program, { client, copy, memory, place, plugin, excessPrecision = true }: Compilation) {
    const facts = client.facts()
    const platform = facts.platform === 'cpu' ? 'cpu' : 'gpu'
    this.#copy = copy
    this.#memory = memory
    this.#place = place
    this.lowered = lowerProgram(program, { replicas: place.replicas, wideFilterGradients: platform === 'cpu' })
    const { text, reads, writes, inputs, outputElements } = this.lowered
    const deviceIds = facts.devices.slice(0, place.replicas).map(({ id }) => id)
    const options = encodeCompileOptions({
      replicas: place.replicas,
      deviceIds,
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
    const cached = readCached(key)
    const kept = cached === null ? null : attempt(() => new Program(client, cached, options, binding, shapes, key))
    this.#native = kept ?? new Program(client, text, options, binding, shapes, key)
    // Not every plugin can hand out what it compiled.
    if (kept === null && place.replica === 0) {
      const bytes = attempt(() => this.#native.serialise())
      if (bytes !== null) writeCached(key, bytes)
    }
  }

  run(inputs: RunInputs, outputs: Float32Array): void {
    this.start(inputs, outputs).finish()
  }

  start(inputs: RunInputs, outputs: Float32Array): PendingRun {
    const { Run } = loadPjrtAddon()
    const { outputElements, collective } = this.lowered
    if (outputs.length !== outputElements) {
      throw new Error(`Expected room for ${outputElements} outputs but received ${outputs.length}`)
    }
    const arrays = this.lowered.inputs.map(({ kind, shape }) => checkLength(inputs, kind, shape))
    this.#copy.refresh()
    this.#copy.launches++
    if (collective) meetReplicas(this.#memory.exchange, this.#copy.nextMeeting(), this.#place.replicas)
    const run = new Run(this.#native, this.#copy.native, arrays, this.#copy.launches)
    this.#copy.markChanged(this.#writes)
    const abandoned = abandonedWord(this.#memory.exchange)
    return { finish: () => run.wait(outputs, abandoned, patience()) }
  }

  dispose(): void {
    this.#native.dispose()
  }
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
