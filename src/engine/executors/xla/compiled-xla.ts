/** A program compiled for a device of a PJRT plugin, and its runs. */

import { expected } from '../../../vocabulary/fault.ts'
import { elementCount } from '../../../vocabulary/shape.ts'
import type { Program } from '../../graph/program.ts'
import type { PendingRun, QueuedProgram, ReplicaPlace, RunInputs, SharedRunMemory } from '../executor.ts'
import { encodeCompileOptions } from './compile-options.ts'
import type { DeviceCopy } from './device-copy.ts'
import { explainFailedRun } from './failed-run.ts'
import { type FoundPlugin, pluginIdentity } from './find-plugin.ts'
import { fastestGraph } from './graph-trial.ts'
import { type HostInputKind, type LoweredProgram, lowerProgram } from './lower-program.ts'
import { patience } from './patience.ts'
import { type ClientFacts, loadPjrtAddon, type PjrtClient, type PjrtProgram, type PjrtRun } from './pjrt-addon.ts'
import {
  chooseOptions,
  compileFlags,
  type GraphChoice,
  graphChoices,
  LOWERING_CHOICES,
  type XlaOptions,
} from './platform-choices.ts'
import { buffersOf, type ProgramBuffers } from './program-buffers.ts'
import { programKey, readCached, writeCached } from './program-cache.ts'
import { abandonedWord, meetReplicas } from './replica-meeting.ts'

/** A program on a device of a PJRT plugin. */
export interface XlaProgram extends QueuedProgram {
  readonly lowered: LoweredProgram
  /** How its runs are launched, in words. */
  readonly launched: string
}

export interface Compilation {
  readonly client: PjrtClient
  readonly copy: DeviceCopy
  readonly memory: SharedRunMemory
  readonly place: ReplicaPlace
  readonly plugin: FoundPlugin
  readonly hosts: number
  readonly options: XlaOptions
}

/** @throws Error where the plugin refuses it */
export class CompiledXla implements XlaProgram {
  readonly lowered: LoweredProgram
  readonly launched: string
  readonly #native: PjrtProgram
  readonly #copy: DeviceCopy
  readonly #memory: SharedRunMemory
  readonly #place: ReplicaPlace
  readonly #buffers: ProgramBuffers
  readonly #asGraph: boolean
  /** Whether a run was started: the first may take longer. */
  #started = false

  constructor(program: Program, compilation: Compilation) {
    const { client, copy, memory, place, plugin } = compilation
    // What sums nothing over the replicas is run by a host for itself.
    const hosts = program.nodes.some(({ op }) => op === 'AllReduceMean') ? compilation.hosts : 1
    const replicas = place.replicas * hosts
    const facts = client.facts()
    const platform = facts.platform === 'cpu' ? 'cpu' : 'gpu'
    const chosen = chooseOptions(platform, compilation.options)
    this.#copy = copy
    this.#memory = memory
    this.#place = place
    this.lowered = lowerProgram(program, copy.layout, { replicas, ...LOWERING_CHOICES[chosen.writtenFor] })
    this.#buffers = buffersOf(this.lowered, copy)
    const deviceIds = replicaDevices(facts, place.replicas, hosts)
    const compile = (graph: GraphChoice | null) => {
      const flags = compileFlags(platform, plugin.toolkit, chosen, graph)
      return this.#compile(compilation, facts, hosts, encodeCompileOptions({ replicas, deviceIds, flags }))
    }
    // Hosts do not tell each other of their trials, and programs that sum together are to be the same: all take the first.
    const graphs = graphChoices(chosen).slice(0, hosts > 1 ? 1 : undefined)
    const { native, asGraph, launched } = this.#tryGraphs(compile, graphs)
    this.#native = native
    this.#asGraph = asGraph
    this.launched = launched
  }

  /** The program as one graph where its runs can be captured, else without; replicas that sum together come to the same. */
  #tryGraphs(
    compile: (graph: GraphChoice | null) => PjrtProgram,
    graphs: readonly GraphChoice[],
  ): { native: PjrtProgram; asGraph: boolean; launched: string } {
    if (graphs.length > 0) {
      const { lowered } = this
      const trial = {
        lowered,
        buffers: this.#buffers,
        copy: this.#copy,
        exchange: this.#memory.exchange,
        replicas: this.#place.replicas,
      }
      const { fastest, remarks } = fastestGraph(graphs, compile, trial)
      const reason = remarks.join('; ')
      if (fastest !== null) {
        return { native: fastest.program, asGraph: true, launched: `as a graph, ${fastest.order} (${reason})` }
      }
      if (this.#place.replica === 0) {
        process.emitWarning(`Steps are launched in pieces and not as one CUDA graph, which may be slower: ${reason}`)
      }
    }
    return { native: compile(null), asGraph: false, launched: 'in pieces' }
  }

  #compile({ client, plugin }: Compilation, facts: ClientFacts, hosts: number, options: Uint8Array): PjrtProgram {
    const { text, inputs, outputElements } = this.lowered
    const { reads, writes, roundedReads, roundedWrites } = this.#buffers
    const binding = {
      reads: [...reads, ...roundedReads.keys()],
      writes: [...writes, ...roundedWrites],
      outputs: outputElements,
    }
    const shapes = inputs.map(({ shape }) => shape)
    const { Program } = loadPjrtAddon()
    const key = programKey(text, options, facts, pluginIdentity(plugin))
    // The hosts compile together: one that took its program from the disk would let the others wait.
    const cached = hosts > 1 ? null : readCached(key)
    const kept = cached === null ? null : attempt(() => new Program(client, cached, options, binding, shapes, key))
    const native = kept ?? new Program(client, text, options, binding, shapes, key)
    // Not every plugin can hand out what it compiled.
    if (kept === null && this.#place.replica === 0 && hosts === 1) {
      const bytes = attempt(() => native.serialise())
      if (bytes !== null) writeCached(key, bytes)
    }
    return native
  }

  run(inputs: RunInputs, outputs: Float32Array): void {
    const { outputElements } = this.lowered
    if (outputs.length !== outputElements) {
      throw new Error(`Expected room for ${outputElements} outputs but received ${outputs.length}`)
    }
    outputs.set(this.start(inputs).outputs())
  }

  start(inputs: RunInputs): PendingRun {
    const arrays = this.lowered.inputs.map(({ kind, shape }) => checkLength(inputs, kind, shape))
    this.#copy.refresh(this.#buffers.roundedReads)
    const { collective, outputElements } = this.lowered
    const { exchange } = this.#memory
    if (collective) meetReplicas(exchange, this.#copy.nextMeeting(), this.#place.replicas)
    const { Run } = loadPjrtAddon()
    const run = this.#explained(
      () => new Run(this.#native, this.#copy.native, arrays, this.#copy.nextLaunch(collective)),
    )
    const { writes, outdated, roundedWrites } = this.#buffers
    this.#copy.markChanged(writes, outdated, roundedWrites)
    const limits = { abandoned: abandonedWord(exchange), milliseconds: patience(this.#started ? 'later' : 'first') }
    this.#started = true
    return new StartedXlaRun(run, arrays, outputElements, limits, (wait) => this.#explained(wait))
  }

  /** @throws what `work` throws, with the way out where the program's graph is at fault */
  #explained<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw explainFailedRun(error, this.#asGraph)
    }
  }

  dispose(): void {
    this.#native.dispose()
  }
}

/** What ends a wait for a device. */
interface WaitLimits {
  readonly abandoned: Int32Array
  readonly milliseconds: number
}

class StartedXlaRun implements PendingRun {
  readonly #native: PjrtRun
  readonly #outputElements: number
  readonly #limits: WaitLimits
  readonly #explained: (wait: () => void) => void
  /** Held so that their memory stays while the device reads it. */
  #inputs: readonly unknown[]

  constructor(
    native: PjrtRun,
    inputs: readonly unknown[],
    outputElements: number,
    limits: WaitLimits,
    explained: (wait: () => void) => void,
  ) {
    this.#native = native
    this.#inputs = inputs
    this.#outputElements = outputElements
    this.#limits = limits
    this.#explained = explained
  }

  waitUntilRead(): void {
    const { abandoned, milliseconds } = this.#limits
    if (this.#inputs.length > 0) this.#explained(() => this.#native.waitUntilRead(abandoned, milliseconds))
    this.#inputs = []
  }

  waitUntilEnded(): void {
    const { abandoned, milliseconds } = this.#limits
    this.#explained(() => this.#native.waitUntilEnded(abandoned, milliseconds))
  }

  fetch(): void {
    this.#native.fetch()
  }

  outputs(): Float32Array {
    const { abandoned, milliseconds } = this.#limits
    const outputs = new Float32Array(this.#outputElements)
    this.#explained(() => this.#native.outputs(outputs, abandoned, milliseconds))
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
  const elements = elementCount(shape)
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
