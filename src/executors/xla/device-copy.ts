import { type StateLayout, type StateTensor, viewState } from '../../graph/state-layout.ts'
import { bf16Bits } from '../../vocabulary/dtype.ts'
import type { SharedRunMemory } from '../executor.ts'
import { patience } from './patience.ts'
import { loadPjrtAddon, type PjrtClient, type PjrtState } from './pjrt-addon.ts'
import { abandonedWord } from './replica-meeting.ts'
import { storedShape, toLogical, toStored } from './stored-layout.ts'

/** The run's state on one device. While programs run it is the true one; the host's is a copy of an earlier moment. */
export class DeviceCopy {
  readonly native: PjrtState
  readonly #client: PjrtClient
  readonly #device: number
  readonly #layout: StateLayout
  readonly #memory: SharedRunMemory
  /** Tensors that programs changed since the host's copy was made. */
  readonly #changed = new Set<number>()
  /** Tensors whose bf16 copy is there and of their present elements. */
  readonly #rounded = new Set<number>()
  #stale = true
  #launches = { collective: 0, own: 0 }
  #meetings = 0

  constructor(client: PjrtClient, device: number, layout: StateLayout, memory: SharedRunMemory) {
    const { State } = loadPjrtAddon()
    // A place for each tensor, then one for its bf16 copy.
    this.native = new State(client, device, 2 * layout.tensors.length)
    this.#client = client
    this.#device = device
    this.#layout = layout
    this.#memory = memory
  }

  /** Another state of the same tensors on the same device, all zeros. */
  scratch(): DeviceCopy {
    const { elements } = this.#layout
    const memory = { ...this.#memory, state: new SharedArrayBuffer(elements * Float32Array.BYTES_PER_ELEMENT) }
    return new DeviceCopy(this.#client, this.#device, this.#layout, memory)
  }

  /** Gives the device's memory back. */
  dispose(): void {
    this.native.dispose()
  }

  /** Number of a tensor. @throws Error where the layout has none of that name */
  place(name: string): number {
    const place = this.#layout.tensors.findIndex((tensor) => tensor.name === name)
    if (place < 0) throw new Error(`Expected a state tensor named ${name} in the layout but received none`)
    return place
  }

  /** Number of the bf16 copy of a tensor, which is there after `refresh` was asked for it. */
  roundedPlace(place: number): number {
    return this.#layout.tensors.length + place
  }

  /**
   * Number of the next run: the same in all replicas, which start the same ones in the same order; on all hosts the same for
   * runs that sum over replicas. Other runs, which a host may do for itself, have the even numbers.
   */
  nextLaunch(collective: boolean): number {
    if (collective) return 2 * this.#launches.collective++ + 1
    return 2 * ++this.#launches.own
  }

  /** Number of the next step at which replicas meet. */
  nextMeeting(): number {
    this.#meetings++
    return this.#meetings
  }

  /** Says that the host's state was written: the next run begins with it. */
  invalidate(): void {
    this.#stale = true
  }

  /**
   * Before a run: takes the host's state where it is the newer one.
   * @param rounded tensors of which the run reads the bf16 copy
   */
  refresh(rounded: readonly number[]): void {
    if (this.#stale) {
      this.#layout.tensors.forEach((tensor, place) => {
        this.native.upload(place, this.#onHost(tensor), storedShape(tensor.shape))
      })
      this.#stale = false
      this.#changed.clear()
      this.#rounded.clear()
    }
    const missing = rounded.filter((place) => !this.#rounded.has(place))
    if (missing.length === 0) return
    // Where a program changed them that keeps no copies, the host has older elements.
    this.pull()
    for (const place of missing) {
      const tensor = this.#layout.tensors[place]
      if (tensor === undefined) continue
      this.native.upload(this.roundedPlace(place), bf16Bits(this.#onHost(tensor)), storedShape(tensor.shape))
      this.#rounded.add(place)
    }
  }

  /** The host's elements of a tensor, as they are stored on the device. */
  #onHost(tensor: StateTensor): Float32Array {
    return toStored(Float32Array.from(viewState(tensor, this.#memory.state)), tensor.shape)
  }

  /**
   * After a run was started that gives tensors new values.
   * @param rounded those of which it gives the bf16 copy too
   */
  markChanged(places: readonly number[], rounded: readonly number[]): void {
    for (const place of places) {
      this.#changed.add(place)
      this.#rounded.delete(place)
    }
    for (const place of rounded) this.#rounded.add(place)
  }

  /** Copies what changed to the host's state; waits for the runs that were started. */
  pull(): void {
    for (const place of this.#changed) {
      const tensor = this.#layout.tensors[place]
      if (tensor === undefined) continue
      const view = viewState(tensor, this.#memory.state)
      const elements = new Float32Array(view.length)
      this.native.download(place, elements, abandonedWord(this.#memory.exchange), patience())
      view.set(toLogical(elements, tensor.shape))
    }
    this.#changed.clear()
  }
}
