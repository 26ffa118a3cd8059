/** Lets each device compile and run something small, and compares what it gives. */
import { GraphBuilder } from '../../graph/graph-builder.ts'
import type { Program } from '../../graph/program.ts'
import { findState, layOutState, viewState } from '../../graph/state-layout.ts'
import type { PendingRun, ReplicaPlace } from '../executor.ts'
import type { XlaProgram } from './compiled-xla.ts'
import type { XlaDevices } from './open-client.ts'
import type { ClientFacts } from './pjrt-addon.ts'
import { type XlaExecutor, xlaExecutor } from './xla-executor.ts'

/** x [B, I, S, S], w [O, I, k, k], padding 1; then the mean of each channel times m [K, O] plus b [K]. */
const SIZES = { batch: 8, fanIn: 16, fanOut: 16, side: 8, kernel: 3, classes: 10 } as const

/** How far a result may be off, of the largest: sums in another order, no more. The factors are exact in any precision. */
const TOLERANCE = 1e-4

/** What a device did. */
export interface DeviceTrial {
  readonly kind: string
  readonly compileSeconds: number
  /** Of a second run: the first one prepares libraries. */
  readonly runMilliseconds: number
  /** Why it does not work, null = it does. */
  readonly fault: string | null
}

export interface TriedDevices {
  readonly facts: ClientFacts
  /** What is to be said of the plugin's version, null = nothing. */
  readonly warning: string | null
  readonly openSeconds: number
  readonly trials: readonly DeviceTrial[]
}

/** @throws UserFault where no client can be opened */
export function tryDevices(wanted: XlaDevices): TriedDevices {
  // In pieces: graphs are recorded for speed alone.
  const executor = xlaExecutor(wanted, { captured: null, precision: 'highest' })
  const begin = performance.now()
  const { facts, warning } = executor.opened()
  const openSeconds = (performance.now() - begin) / 1000
  const program = captureTrial()
  const replicas = facts.devices.length
  const devices = facts.devices.map(
    (_, replica) => new DeviceOnTrial(executor, program, { replica, replicas, cores: [0] }),
  )
  // All are started before one is waited for: a plugin may let the devices of one program wait for each other.
  for (const _ of ['prepares libraries', 'is timed']) {
    for (const device of devices) device.start()
    for (const device of devices) device.waitUntilEnded()
  }
  for (const device of devices) device.end()
  const trials = devices.map(({ compileSeconds, runMilliseconds, fault }, place) => {
    return { kind: facts.devices[place]?.kind ?? '', compileSeconds, runMilliseconds, fault }
  })
  return { facts, warning, openSeconds, trials }
}

const LAYOUT = layOutState(
  [],
  [
    { name: 'x', shape: [SIZES.batch, SIZES.fanIn, SIZES.side, SIZES.side] },
    { name: 'w', shape: [SIZES.fanOut, SIZES.fanIn, SIZES.kernel, SIZES.kernel] },
    { name: 'm', shape: [SIZES.classes, SIZES.fanOut] },
    { name: 'b', shape: [SIZES.classes] },
  ],
)

function captureTrial(): Program {
  const graph = new GraphBuilder(SIZES.batch)
  const state = (name: string) => graph.state(name, findState(LAYOUT, name).shape)
  const convolved = graph.applyOne('Conv2D', [state('x'), state('w')], { stride: 1, padding: 1, groups: 1 })
  const means = graph.applyOne('GlobalAveragePool', [convolved], {})
  const value = graph.applyOne('Linear', [means, state('m'), state('b')], {})
  return graph.finish('a trial of a device', [{ name: 'y', value }])
}

/** Whole numbers from -2 to 2. */
const drawn = (place: number) => ((place * 2654435761) % 5) - 2

/** One device, as a replica that never meets the others; what fails is kept and ends its trial. */
class DeviceOnTrial {
  fault: string | null = null
  compileSeconds = 0
  runMilliseconds = 0
  readonly #state = new SharedArrayBuffer(LAYOUT.elements * 4)
  #compiled: XlaProgram | null = null
  #pending: PendingRun | null = null
  #begin = 0

  constructor(executor: XlaExecutor, program: Program, place: ReplicaPlace) {
    for (const tensor of LAYOUT.tensors) {
      const elements = viewState(tensor, this.#state)
      elements.forEach((_, element) => {
        elements[element] = drawn(tensor.offset + element)
      })
    }
    const exchange = new SharedArrayBuffer(executor.exchangeBytes([program], LAYOUT, place.replicas))
    this.#attempt(() => {
      const begin = performance.now()
      this.#compiled = executor.compile(program, LAYOUT, { state: this.#state, exchange }, place)
      this.compileSeconds = (performance.now() - begin) / 1000
    })
  }

  start(): void {
    const inputs = { images: new Uint8Array(0), labels: new Int32Array(0), scalars: new Float32Array(0) }
    this.#attempt(() => {
      this.#begin = performance.now()
      this.#pending = this.#compiled?.start(inputs) ?? null
    })
  }

  waitUntilEnded(): void {
    this.#attempt(() => {
      const outputs = this.#pending?.outputs() ?? new Float32Array(0)
      this.runMilliseconds = performance.now() - this.#begin
      compare(outputs, computeHere(this.#state))
    })
  }

  end(): void {
    this.#compiled?.dispose()
  }

  #attempt(step: () => void): void {
    if (this.fault !== null) return
    try {
      step()
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error)
    }
  }
}

function compare(actual: Float32Array, wanted: Float32Array): void {
  const allowed = TOLERANCE * wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  wanted.forEach((value, place) => {
    const received = actual[place] ?? Number.NaN
    // Written so that NaN is no number within it.
    if (Math.abs(received - value) <= allowed) return
    throw new Error(`Expected ${value} for result ${place} of a convolution and a product but received ${received}`)
  })
}

/** The same without any library. */
function computeHere(state: SharedArrayBuffer): Float32Array {
  const [x, w, m, b] = ['x', 'w', 'm', 'b'].map((name) => viewState(findState(LAYOUT, name), state))
  const { batch, fanIn, fanOut, side, kernel, classes } = SIZES
  const at = (array: Float32Array | undefined, place: number) => array?.[place] ?? 0
  const y = new Float32Array(batch * classes)
  for (let image = 0; image < batch; image++) {
    for (let out = 0; out < fanOut; out++) {
      let sum = 0
      for (let channel = 0; channel < fanIn; channel++) {
        for (let tap = 0; tap < kernel * kernel; tap++) {
          const [up, left] = [Math.floor(tap / kernel) - 1, (tap % kernel) - 1]
          const weight = at(w, (out * fanIn + channel) * kernel * kernel + tap)
          for (let row = Math.max(0, -up); row < Math.min(side, side - up); row++) {
            for (let column = Math.max(0, -left); column < Math.min(side, side - left); column++) {
              sum += weight * at(x, ((image * fanIn + channel) * side + row + up) * side + column + left)
            }
          }
        }
      }
      for (let k = 0; k < classes; k++) {
        const place = image * classes + k
        y[place] = at(y, place) + (sum / side ** 2) * at(m, k * fanOut + out)
      }
    }
    for (let k = 0; k < classes; k++) y[image * classes + k] = at(y, image * classes + k) + at(b, k)
  }
  return y
}
