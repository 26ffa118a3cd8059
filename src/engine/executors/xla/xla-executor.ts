import type { Program } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import type { Executor, ReplicaPlace, SharedRunMemory } from '../executor.ts'
import { CompiledXla, type XlaProgram } from './compiled-xla.ts'
import { DeviceCopy } from './device-copy.ts'
import { findPlugin } from './find-plugin.ts'
import { type OpenClient, openClient, type XlaDevices } from './open-client.ts'
import { loadPjrtAddon, type PjrtClient } from './pjrt-addon.ts'
import type { XlaOptions } from './platform-choices.ts'
import { readyForCuda } from './ready-for-cuda.ts'
import { abandon, EXCHANGE_BYTES, readHandle, writeHandle } from './replica-meeting.ts'

export interface XlaExecutor extends Executor {
  /** Its client, opened where it was not yet. @throws UserFault where that cannot be */
  opened(): OpenClient
  compile(program: Program, layout: StateLayout, memory: SharedRunMemory, place: ReplicaPlace): XlaProgram
}

/**
 * Compiles programs with XLA through a PJRT plugin and keeps the state on its devices. One client owns all devices of
 * the process: the thread that calls `prepare` opens it, the replicas join it through the shared memory.
 * @param client of these devices that is open already, to be used instead of one of its own
 * @throws UserFault where the addon is missing
 */
export function xlaExecutor(
  devices: XlaDevices,
  options: XlaOptions = {},
  client: OpenClient | null = null,
): XlaExecutor {
  loadPjrtAddon()
  let opened = client
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
    opened: open,
    exchangeBytes: () => EXCHANGE_BYTES,
    check: () => {
      const plugin = findPlugin(devices.platform, devices.plugin)
      if (devices.platform === 'gpu') readyForCuda(plugin)
    },
    prepare: (memory) => {
      const { client, warning } = open()
      if (warning !== null) process.emitWarning(warning)
      writeHandle(memory.exchange, client.handle())
    },
    abandon,
    pullState: ({ state }) => copies.get(state)?.pull(),
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
        options,
      })
    },
  }
}
