import { elementCount } from '../../../vocabulary/shape.ts'
import type { Program } from '../../graph/program.ts'
import { typeOf } from '../../graph/program.ts'
import type { ReplicaPlace } from '../executor.ts'

/** Words at the head of the memory: replicas that have arrived, number of the meeting, whether a replica failed. */
const ARRIVED = 0
const MEETING = 1
const FAILED = 2
/** Bytes of the head, a whole line. */
const HEAD_BYTES = 64

/** Bytes that the all-reduces of these programs need; each replica has a region with a place for each of them. */
export function exchangeBytes(programs: readonly Program[], replicas: number): number {
  if (replicas === 1) return 0
  return HEAD_BYTES + replicas * Math.max(0, ...programs.map((program) => 4 * reducedElements(program)))
}

/** Elements of all all-reduced values of a program. */
function reducedElements(program: Program): number {
  const reduced = program.nodes.filter(({ op }) => op === 'AllReduceMean').flatMap(({ outputs }) => outputs)
  return reduced.reduce((sum, id) => sum + elementCount(typeOf(program, id).shape), 0)
}

/**
 * Meetings and means of the replicas of one program in shared memory. The all-reduces of a run follow one another in the
 * region of each replica, so one meeting each is enough: nothing is written twice before the meeting at the run's end.
 */
export class ReplicaExchange {
  readonly #place: ReplicaPlace
  readonly #words: Int32Array
  readonly #regions: readonly Float32Array[]
  #cursor = 0

  constructor(program: Program, memory: SharedArrayBuffer, place: ReplicaPlace) {
    this.#place = place
    const alone = place.replicas === 1
    const elements = reducedElements(program)
    this.#words = new Int32Array(memory, 0, alone ? 0 : HEAD_BYTES / 4)
    this.#regions = Array.from({ length: alone ? 0 : place.replicas }, (_, replica) => {
      return new Float32Array(memory, HEAD_BYTES + 4 * elements * replica, elements)
    })
  }

  /** Begins a run: the all-reduces take their places from the front again. */
  begin(): void {
    this.#cursor = 0
  }

  /** Mean over the replicas of what each gives, summed in the order of their numbers. */
  mean(local: Float32Array): Float32Array {
    const { replica, replicas } = this.#place
    if (replicas === 1) return local
    const begin = this.#cursor
    this.#cursor += local.length
    this.#regions[replica]?.set(local, begin)
    this.meet()
    const [first, ...others] = this.#regions.map((region) => region.subarray(begin, begin + local.length))
    const sum = Float32Array.from(first ?? [])
    for (const contribution of others) {
      for (let place = 0; place < sum.length; place++) sum[place] = (sum[place] ?? 0) + (contribution[place] ?? 0)
    }
    return sum.map((value) => value / replicas)
  }

  /** Waits until every replica is here. @throws Error where another replica failed: it will never come */
  meet(): void {
    if (this.#place.replicas === 1) return
    const words = this.#words
    const meeting = Atomics.load(words, MEETING)
    if (Atomics.add(words, ARRIVED, 1) === this.#place.replicas - 1) {
      Atomics.store(words, ARRIVED, 0)
      Atomics.add(words, MEETING, 1)
      Atomics.notify(words, MEETING)
    } else {
      while (Atomics.load(words, MEETING) === meeting && Atomics.load(words, FAILED) === 0) {
        Atomics.wait(words, MEETING, meeting)
      }
    }
    if (Atomics.load(words, FAILED) !== 0) throw new Error('Expected all replicas to take part but one of them failed')
  }

  /** Lets the other replicas go on, into an error of their own. */
  fail(): void {
    if (this.#place.replicas > 1) announceFailure(this.#words)
  }
}

/** Lets replicas that wait in this memory go on, into an error of their own. */
export function abandonExchange(memory: SharedArrayBuffer): void {
  if (memory.byteLength >= HEAD_BYTES) announceFailure(new Int32Array(memory, 0, HEAD_BYTES / 4))
}

function announceFailure(words: Int32Array): void {
  Atomics.store(words, FAILED, 1)
  Atomics.add(words, MEETING, 1)
  Atomics.notify(words, MEETING)
}
