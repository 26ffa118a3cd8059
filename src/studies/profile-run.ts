import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset } from '../data/datasets/dataset.ts'
import { runBatchesAhead } from '../data/input/batches-ahead.ts'
import { InputPipeline } from '../data/input/pipeline.ts'
import { shareCores } from '../train/replicas/share-cores.ts'
import { fillInitialState } from '../train/run/initial-state.ts'
import { beginRun, openSession, type PreparedRun, type Session } from '../train/run/session.ts'
import { resolveTeacher } from '../train/run/teacher.ts'
import { planTimetable } from '../train/run/timetable.ts'
import { allowedCores } from '../vocabulary/allowed-cores.ts'
import { expected } from '../vocabulary/fault.ts'
import { type StepProfile, summariseProfile } from './step-profile.ts'

/** Before the clocks start: the first steps touch memory for the first time and fill the caches. */
const WARM_STEPS = 5
const TIMED_STEPS = 20
/** As in training: one runs, one waits. */
const STEPS_AHEAD = 2

/**
 * Trains a few steps from the start of the run and times their parts. Writes nothing.
 * @param images what loadImages gave
 * @throws UserFault as train; and where the executor cannot time its parts
 */
export async function profileRun(
  given: RunConfig,
  images: Promise<LoadedDataset>,
  stop: AbortSignal,
): Promise<StepProfile | 'interrupted'> {
  // A teacher of KD keeps weights as drawn: it takes the same time, and may not be trained yet.
  const config = await resolveTeacher(given)
  if (config.executor !== 'cpu') {
    throw expected('--executor cpu', '--profile', `--executor ${config.executor}`, 'Leave one of them out.')
  }
  const { prepared, replicas } = await beginRun(config, images, 'train', async (step, state) => {
    await fillInitialState(config, step, state)
  })
  try {
    const session = await openSession(prepared, replicas)
    try {
      const walls = await runTimedSteps(prepared, session, stop)
      const { times, planBytes } = await replicas.profile('train', false)
      if (stop.aborted) return 'interrupted'
      const threads = shareCores(allowedCores(), prepared.replicas)[0]?.length ?? 1
      return summariseProfile({ times, walls, planBytes, batch: config.batch, replicas: prepared.replicas, threads })
    } finally {
      await session.close()
    }
  } finally {
    await replicas.stop()
  }
}

/**
 * Runs the first steps of the run, as training does but for its log, and starts the clocks after the warm ones; an epoch
 * that ends is followed by the next.
 * @returns milliseconds of each timed step, from the end of the step before it
 */
async function runTimedSteps(
  { config, dataset, step: { program } }: PreparedRun,
  { pipeline, replicas }: Session,
  stop: AbortSignal,
): Promise<number[]> {
  const stepsPerEpoch = Math.max(1, InputPipeline.batches(dataset.train, config.batch, 'drop'))
  const timetable = planTimetable(config, stepsPerEpoch, dataset.description)
  const { augment, shuffle } = config
  const ends: number[] = []
  let step = 0
  const wanted = () => step < WARM_STEPS + TIMED_STEPS && !stop.aborted
  for (let epoch = 0; wanted(); epoch++) {
    pipeline.open({ split: 'train', epoch, augment, shuffle, firstBatch: 0, partial: 'drop' })
    await runBatchesAhead(
      pipeline,
      STEPS_AHEAD,
      async ({ slot }) => {
        // Replicas do what they are told in order: the clocks start before this step and after all earlier ones.
        const clocks = step === WARM_STEPS ? replicas.profile('train', true) : null
        const scalars = program.scalars.map(({ name }) => timetable.scalar(name, step))
        step++
        await Promise.all([clocks, replicas.run('train', slot, scalars)])
        pipeline.release(slot)
        ends.push(performance.now())
      },
      wanted,
    )
  }
  return ends.slice(WARM_STEPS).map((end, timed) => end - (ends[WARM_STEPS + timed - 1] ?? end))
}
