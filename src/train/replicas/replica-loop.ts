/** One replica: owns a device, runs what it is told in the order in which it is told. Lives in its worker thread. */
import type { MessagePort } from 'node:worker_threads'
import { slotLabels, slotPixels, waitUntilReady } from '../../data/input/slot-ring.ts'
import type {
  CompiledProgram,
  Executor,
  PendingRun,
  QueuedProgram,
  RunInputs,
  TimedProgram,
} from '../../engine/executors/executor.ts'
import { createExecutor } from '../../engine/executors/executor-choice.ts'
import { typeOf } from '../../engine/graph/program.ts'
import type { SlotIndex } from '../../vocabulary/counts.ts'
import { toPlainFault } from '../../vocabulary/plain-fault.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import type { FromReplica, ProgramName, ReplicaProfile, ReplicaSetup, ToReplica } from './messages.ts'
import { RunQueue } from './run-queue.ts'
import { outputSender } from './sent-outputs.ts'

/** A compiled program and the arrays of its runs, made once. */
interface Runnable {
  readonly compiled: CompiledProgram
  readonly scalars: Float32Array
  readonly outputElements: number
  readonly tell: (outputs: Float32Array) => Float32Array
  readonly readsPartners: boolean
}

/** Serves the port until it is told to stop; a failure is told and ends the replica. */
export async function runReplica(setup: ReplicaSetup, port: MessagePort): Promise<void> {
  const send = (message: FromReplica) => port.postMessage(message)
  const fail = (error: unknown) => {
    send({ kind: 'failed', fault: toPlainFault(error) })
    port.close()
  }
  try {
    const executor = await createExecutor(setup.executor)
    const { run, profile } = createRunner(setup, executor)
    const queue = new RunQueue(executor.stepsAhead ?? 1, fail)
    port.on('message', (message: ToReplica) => {
      try {
        switch (message.kind) {
          case 'run':
            {
              queue.makeRoom()
              const done = run(message.program, message.slot, message.scalars)
              if (Array.isArray(done)) send({ kind: 'ran', outputs: done })
              else queue.add(done, () => send({ kind: 'ran', outputs: null }))
            }
            break
          case 'fetch':
            queue.fetch((outputs) => send({ kind: 'fetched', outputs }))
            break
          case 'state':
            queue.settle()
            if (message.move === 'pull') executor.pullState?.(setup.memory)
            else executor.pushState?.(setup.memory)
            send({ kind: 'moved' })
            break
          case 'profile':
            queue.settle()
            send({ kind: 'profiled', profile: profile(message.program, message.on) })
            break
          case 'stop':
            queue.settle()
            port.close()
            break
          default:
            message satisfies never
        }
      } catch (error) {
        fail(error)
      }
    })
    send({ kind: 'ready' })
  } catch (error) {
    fail(error)
  }
}

/** What runs programs on this replica's rows of a slot; programs but the first are compiled when they are asked for. */
function createRunner({ place, programs, first, layout, memory, ring }: ReplicaSetup, executor: Executor) {
  const runnables = new Map<ProgramName, Runnable>()
  const inputs = rowsOfSlots(ring, place)

  const prepare = (name: ProgramName): Runnable => {
    const known = runnables.get(name)
    if (known !== undefined) return known
    const program = programs[name]
    const outputElements = program.outputs.reduce(
      (sum, { value }) => sum + elementCount(typeOf(program, value).shape),
      0,
    )
    const runnable = {
      compiled: executor.compile(program, layout, memory, place),
      scalars: new Float32Array(program.scalars.length),
      outputElements,
      tell: outputSender(program),
      readsPartners: program.labels !== null && typeOf(program, program.labels).shape.length === 2,
    }
    runnables.set(name, runnable)
    return runnable
  }

  /** @returns the outputs, or the run that the device was told of */
  const run = (name: ProgramName, slot: SlotIndex, values: readonly number[]): number[] | PendingRun => {
    const { compiled, scalars: shared, outputElements, tell, readsPartners } = prepare(name)
    // A device may read these while the next run's are written.
    const scalars = isQueued(compiled) ? new Float32Array(shared.length) : shared
    scalars.set(values)
    if (waitUntilReady(ring, slot) === 'failed')
      throw new Error(`Expected slot ${slot} to be filled but decoding failed`)
    const rows = inputs[slot]?.[readsPartners ? 'withPartners' : 'alone']
    if (rows === undefined) throw new RangeError(`Expected a slot of the ring but received ${slot}`)
    if (isQueued(compiled)) return tellingRun(compiled.start({ ...rows(), scalars }), tell)
    const outputs = new Float32Array(outputElements)
    compiled.run({ ...rows(), scalars }, outputs)
    return Array.from(tell(outputs))
  }

  const profile = (name: ProgramName, on: boolean): ReplicaProfile => {
    const { compiled } = prepare(name)
    if (!isTimed(compiled))
      throw new Error(`Expected an executor that times its programs but received ${executor.name}`)
    const times = on ? [] : compiled.times()
    compiled.profile(on)
    return { times, planBytes: compiled.bytes() }
  }

  prepare(first)
  return { run, profile }
}

function tellingRun(run: PendingRun, tell: Runnable['tell']): PendingRun {
  return {
    waitUntilRead: () => run.waitUntilRead(),
    waitUntilEnded: () => run.waitUntilEnded(),
    fetch: () => run.fetch(),
    outputs: () => tell(run.outputs()),
  }
}

function isQueued(compiled: CompiledProgram): compiled is QueuedProgram {
  return 'start' in compiled
}

function isTimed(compiled: CompiledProgram): compiled is TimedProgram {
  return 'times' in compiled
}

type Rows = Pick<RunInputs, 'images' | 'labels'>

/** This replica's images and labels in each slot, alone and with the labels of the images that are mixed into them. */
function rowsOfSlots(ring: ReplicaSetup['ring'], { replica, replicas }: ReplicaSetup['place']) {
  const { batch, slots } = ring.geometry
  const rows = batch / replicas
  const first = replica * rows
  return Array.from({ length: slots }, (_, slot): { alone: () => Rows; withPartners: () => Rows } => {
    const pixels = slotPixels(ring, slot)
    const bytes = pixels.length / replicas
    const images = pixels.subarray(replica * bytes, (replica + 1) * bytes)
    const all = slotLabels(ring, slot)
    const labels = all.subarray(first, first + rows)
    const both = new Int32Array(2 * rows)
    return {
      alone: () => ({ images, labels }),
      // To be called when the slot is filled.
      withPartners() {
        both.set(labels)
        for (let row = 0; row < rows; row++) both[rows + row] = all[(first + row - 1 + batch) % batch] ?? -1
        return { images, labels: both }
      },
    }
  })
}
