import { bf16Bits } from '../../../vocabulary/dtype.ts'
import { findState, type StateLayout, type StateTensor, viewState } from '../../graph/state-layout.ts'
import type { SharedRunMemory } from '../executor.ts'
import { patience } from './patience.ts'
import { loadPjrtAddon, type PjrtClient, type PjrtState } from './pjrt-addon.ts'
import { abandonedWord } from './replica-meeting.ts'
import { regionsOf, type StateRegion } from './state-regions.ts'
import { storedShape, toLogical, toStored } from './stored-layout.ts'

/** The run's state on one device. While programs run it is the true one; the host's is a copy of an earlier moment. */
export class DeviceCopy {
  readonly native: PjrtState
  readonly #client: PjrtClient
  readonly #device: number
  readonly #layout: StateLayout
  readonly #regions: readonly StateRegion[]
  readonly #memory: SharedRunMemory
  /** Regions that programs changed since the host's copy was made. */
  readonly #changed = new Set<number>()
  /** Tensors (their buffers) whose bf16 copy is there and of their present elements. */
  readonly #rounded = new Set<number>()
  #stale = true
  #launches = { collective: 0, own: 0 }
  #meetings = 0

  constructor(client: PjrtClient, device: number, layout: StateLayout, memory: SharedRunMemory) {
    const { State } = loadPjrtAddon()
    this.#regions = regionsOf(layout)
    // A buffer for each region, then for each tensor one for its bf16 copy.
    this.native = new State(client, device, this.#regions.length + layout.tensors.length)
    this.#client = client
    this.#device = device
    this.#layout = layout
    this.#memory = memory
  }

  /** Another state of the same tensors on the same device. @param state the host's side of it */
  scratch(state: SharedArrayBuffer): DeviceCopy {
    return new DeviceCopy(this.#client, this.#device, this.#layout, { ...this.#memory, state })
  }

  get layout(): StateLayout {
    return this.#layout
  }

  /** Gives the device's memory back. */
  dispose(): void {
    this.native.dispose()
  }

  /** Number of a region's buffer. @throws Error where the layout has no such region */
  regionBuffer(name: string): number {
    const index = this.#regions.findIndex((region) => region.name === name)
    if (index < 0) throw new Error(`Expected a region ${name} of the state but received none`)
    return index
  }

  /** Buffer of a tensor's bf16 copy, which is there after `refresh` was asked for it. @throws Error for an unknown tensor */
  roundedBuffer(name: string): number {
    return this.#regions.length + this.#layout.tensors.indexOf(findState(this.#layout, name))
  }

  /** Buffers of the bf16 copies of all tensors in a region. */
  roundedBuffersOf(region: string): number[] {
    const tensors = this.#regions[this.regionBuffer(region)]?.tensors ?? []
    return tensors.map(({ tensor }) => this.roundedBuffer(tensor.name))
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
   * @param rounded names of the tensors of which the run reads the bf16 copy, by its buffer
   */
  refresh(rounded: ReadonlyMap<number, string>): void {
    if (this.#stale) {
      this.#regions.forEach((region, buffer) => {
        this.native.upload(buffer, this.#storedRegion(region), [region.elements])
      })
      this.#stale = false
      this.#changed.clear()
      this.#rounded.clear()
    }
    const missing = [...rounded].filter(([buffer]) => !this.#rounded.has(buffer))
    if (missing.length === 0) return
    // Where a program changed them that keeps no copies, the host has older elements.
    this.pull()
    for (const [buffer, name] of missing) {
      const tensor = findState(this.#layout, name)
      this.native.upload(buffer, bf16Bits(this.#storedTensor(tensor)), storedShape(tensor.shape))
      this.#rounded.add(buffer)
    }
  }

  /** The host's elements of a tensor, as they are stored on the device. */
  #storedTensor(tensor: StateTensor): Float32Array {
    return toStored(Float32Array.from(viewState(tensor, this.#memory.state)), tensor.shape)
  }

  #storedRegion({ elements, tensors }: StateRegion): Float32Array {
    const vector = new Float32Array(elements)
    for (const { tensor, start } of tensors) vector.set(this.#storedTensor(tensor), start)
    return vector
  }

  /**
   * After a run was started that gives regions new elements.
   * @param regions their buffers
   * @param outdated buffers of bf16 copies of the elements before
   * @param renewed buffers of bf16 copies that it gives anew
   */
  markChanged(regions: readonly number[], outdated: ReadonlySet<number>, renewed: readonly number[]): void {
    for (const buffer of regions) this.#changed.add(buffer)
    for (const buffer of this.#rounded) if (outdated.has(buffer)) this.#rounded.delete(buffer)
    for (const buffer of renewed) this.#rounded.add(buffer)
  }

  /** Copies what changed to the host's state; waits for the runs that were started. */
  pull(): void {
    for (const buffer of this.#changed) {
      const region = this.#regions[buffer]
      if (region === undefined) continue
      const vector = new Float32Array(region.elements)
      this.native.download(buffer, vector, abandonedWord(this.#memory.exchange), patience())
      for (const { tensor, start } of region.tensors) {
        const view = viewState(tensor, this.#memory.state)
        view.set(toLogical(vector.subarray(start, start + view.length), tensor.shape))
      }
    }
    this.#changed.clear()
  }
}
