import { createSlotRing, SLOT_STATES, setSlotState, slotLabels, slotPixels } from '../../src/data/input/slot-ring.ts'
import type { ExecutorChoice } from '../../src/engine/executors/executor-choice.ts'
import type { StepSpecification } from '../../src/engine/step/capture.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { ReplicaGroup } from '../../src/train/replicas/replica-group.ts'
import { type SlotIndex, slotIndex } from '../../src/vocabulary/counts.ts'
import { drawnState, smallBatch, smallOne } from '../support/small-steps.ts'

/** One step of ONE on drawn images, and what a group of replicas needs to run it. */
export function smallRun(batch: number, replicas: number) {
  const specification = smallOne({ batch: batch / replicas })
  const step = captureTrainingStep(specification, { gradients: true })
  return { specification, step, state: drawnState(step), evaluation: captureEvaluation(specification) }
}

/**
 * A ring of slots that hold the same drawn batch.
 * @param batch images over all replicas
 */
export function drawnRing({ input }: StepSpecification, batch: number, slots: number) {
  const ring = createSlotRing({ slots, batch, height: input.height, width: input.width, channels: input.channels })
  for (let slot = 0; slot < slots; slot++) fillSlot(ring, slot, smallBatch({ ...smallOne({ batch }), input }))
  return ring
}

type Ring = ReturnType<typeof createSlotRing>

/** Writes a batch into a slot as a decode worker does. */
export function fillSlot(ring: Ring, slot: number, { images, labels }: ReturnType<typeof smallBatch>): void {
  slotPixels(ring, slot).set(images)
  slotLabels(ring, slot).set(labels)
  setSlotState(new Int32Array(ring.states), slot, SLOT_STATES.ready)
}

/** Starts a group on such a run. */
export async function startGroup(
  executor: ExecutorChoice,
  replicas: number,
  { step, state, evaluation }: Pick<ReturnType<typeof smallRun>, 'step' | 'state' | 'evaluation'>,
  ring: Ring,
): Promise<ReplicaGroup> {
  const programs = { train: step.program, evaluate: evaluation }
  return ReplicaGroup.start({ executor, replicas, programs, first: 'train', layout: step.layout, state, ring })
}

export const slot = (place: number): SlotIndex => slotIndex(place)

/** Learning rate and weight of the distillation, in a program's order. */
export const SCALARS = [0.1, 0.5]
