/** How fast a training step is by itself: on random pixels that lie ready, so that no decoding and no disk takes part. */
import { randomFillSync } from 'node:crypto'
import type { RunConfig } from '../config/run-config.ts'
import type { DatasetDescription } from '../data/datasets/dataset.ts'
import type { SlotRing } from '../data/input/batch-source.ts'
import { SLOT_STATES, setSlotState, slotLabels, slotPixels } from '../data/input/slot-ring.ts'
import type { ReplicaGroup } from '../train/replicas/replica-group.ts'
import { fillInitialState } from '../train/run/initial-state.ts'
import { planRun, startReplicas } from '../train/run/session.ts'
import { resolveTeacher } from '../train/run/teacher.ts'
import { planTimetable } from '../train/run/timetable.ts'
import { slotIndex } from '../vocabulary/counts.ts'
import { type Spread, spreadOf } from './spread.ts'

/** The first steps touch memory for the first time; on GPUs a few are queued. */
const WARM_STEPS = 5
/** Any number: the schedule's value changes no time. */
const STEPS_PER_EPOCH = 1000

export interface StepBenchmarkOptions {
  /** The median is that of the rounds. */
  readonly rounds: number
  /** Of all rounds together, about. A round has one step at least. */
  readonly seconds: number
  /** Ends the measurement after the step that runs. */
  readonly stop: AbortSignal
  readonly onRound?: (done: number) => void
}

/** What `native-ensemble bench step --json` prints. */
export interface StepBenchmark {
  readonly network: string
  readonly method: RunConfig['method']
  readonly branches: number
  readonly precision: RunConfig['precision']
  readonly executor: RunConfig['executor']
  readonly devices: string
  /** Images of a step, over all replicas. */
  readonly batch: number
  readonly replicas: number
  readonly input: { readonly height: number; readonly width: number; readonly channels: number }
  readonly classes: number
  readonly steps_per_round: number
  /** Milliseconds of a step: each round's mean. */
  readonly step_ms: Spread
  readonly images_per_second: Spread
  /** From the start of the replicas to the end of the first step: compilation, and the first use of the memory. */
  readonly first_step_seconds: number
  /** Most resident memory of the process so far, weights and Node included. A GPU's own memory is not in it. */
  readonly peak_memory_bytes: number
}

/**
 * Trains on random pixels from freshly drawn weights. Writes nothing, reads no images.
 * @param description size of the images, and their classes
 * @throws UserFault for what does not fit, and where the executor does not work here
 */
export async function benchStep(
  given: RunConfig,
  description: DatasetDescription,
  { rounds, seconds, stop, onRound }: StepBenchmarkOptions,
): Promise<StepBenchmark | 'interrupted'> {
  // A teacher of KD keeps weights as drawn: it takes the same time, and may not be trained yet.
  const config = await resolveTeacher(given)
  const plan = await planRun(config, null, description)
  const { ring, step, state, replicas: count } = plan
  fillWithNoise(ring, description.classNames.length)
  await fillInitialState(config, step, state)
  const began = performance.now()
  const replicas = await startReplicas(plan, 'train')
  try {
    const timetable = planTimetable(config, STEPS_PER_EPOCH, description)
    const scalars = step.program.scalars.map(({ name }) => timetable.scalar(name, 0))
    const run = (steps: number) => runSteps(replicas, ring, scalars, steps, stop)
    await run(1)
    const firstStep = performance.now() - began
    const warm = await run(WARM_STEPS)
    const stepsPerRound = Math.max(1, Math.round((1000 * seconds) / rounds / (warm / WARM_STEPS)))
    const times: number[] = []
    while (times.length < rounds && !stop.aborted) {
      times.push((await run(stepsPerRound)) / stepsPerRound)
      onRound?.(times.length)
    }
    if (stop.aborted) return 'interrupted'
    const { network, method, branches, precision, executor, devices, batch } = config
    const { height, width, channels } = description
    return {
      ...{ network, method, branches, precision, executor, devices, batch, replicas: count },
      input: { height, width, channels },
      classes: description.classNames.length,
      steps_per_round: stepsPerRound,
      step_ms: spreadOf(times),
      images_per_second: spreadOf(times.map((time) => (1000 * batch) / time)),
      first_step_seconds: firstStep / 1000,
      peak_memory_bytes: 1024 * process.resourceUsage().maxRSS,
    }
  } finally {
    await replicas.stop()
  }
}

/** Random pixels, labels in turn; every slot stays ready for good. */
function fillWithNoise(ring: SlotRing, classes: number): void {
  const states = new Int32Array(ring.states)
  for (let slot = 0; slot < ring.geometry.slots; slot++) {
    const pixels = slotPixels(ring, slot)
    pixels.set(randomFillSync(new Uint8Array(pixels.length)))
    slotLabels(ring, slot).forEach((_, row, labels) => {
      labels[row] = (slot + row) % classes
    })
    setSlotState(states, slot, SLOT_STATES.ready)
  }
}

/**
 * As training does: as many steps ahead as the replicas take, the outputs read at the end.
 * @returns milliseconds until the last of them is done
 */
async function runSteps(
  replicas: ReplicaGroup,
  ring: SlotRing,
  scalars: readonly number[],
  steps: number,
  stop: AbortSignal,
): Promise<number> {
  const began = performance.now()
  const running: Promise<void>[] = []
  let last: Promise<unknown> = Promise.resolve()
  for (let step = 0; step < steps && !stop.aborted; step++) {
    const { read, outputs } = replicas.start('train', slotIndex(step % ring.geometry.slots), scalars)
    running.push(read)
    last = outputs
    if (running.length >= replicas.stepsAhead) await running.shift()
  }
  replicas.fetch()
  await Promise.all(running)
  await last
  return performance.now() - began
}
