/**
 * `state.msgpack` of a checkpoint: all of a run that is not a weight. Written with msgpackr as plain MessagePack (no
 * record extension), so any MessagePack reader can open it.
 */
import { Packr } from 'msgpackr'
import { z } from 'zod'
import { UserFault } from '../vocabulary/fault.ts'

/** Raised when the meaning of a field changes; a checkpoint of another version is refused, not guessed at. */
export const FORMAT_VERSION = 1

const wholeNumber = z.number().int().nonnegative()

const progressSchema = z.strictObject({
  /** Epoch that the run is in, counted from 0. */
  epoch: wholeNumber,
  /** Optimiser updates done since the run began. */
  step: wholeNumber,
  /** Updates done in this epoch. */
  stepInEpoch: wholeNumber,
  seed: wholeNumber,
  /** Best evaluation so far: mean top-1 error of the branches, percent. */
  best: z.strictObject({ step: wholeNumber, error: z.number() }).nullable(),
  /** Sums over the epoch so far (losses, images, seconds) that its line of metrics.jsonl needs, by name. */
  sums: z.record(z.string(), z.number()),
  /** The run's RunConfig as it was written; whoever reads it checks it again (src/config). */
  config: z.unknown(),
})

/** Where a run is, beside its tensors. */
export type RunProgress = z.infer<typeof progressSchema>

const stateSchema = z.strictObject({
  version: z.literal(FORMAT_VERSION),
  progress: progressSchema,
  /** Momentum by the parameter's name: f32, little-endian, row-major. */
  momentum: z.record(z.string(), z.instanceof(Uint8Array)),
  /** CRC-32 of the model.safetensors beside it, so that halves of two checkpoints are never mixed. */
  modelChecksum: wholeNumber,
})

/** Content of `state.msgpack`. */
export interface RunState {
  readonly progress: RunProgress
  readonly momentum: ReadonlyMap<string, Float32Array>
  readonly modelChecksum: number
}

const packr = new Packr({ useRecords: false })

export function encodeRunState(state: RunState): Uint8Array {
  const momentum: Record<string, Uint8Array> = {}
  for (const [name, data] of state.momentum) {
    momentum[name] = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }
  return packr.pack({
    version: FORMAT_VERSION,
    progress: state.progress,
    momentum,
    modelChecksum: state.modelChecksum,
  })
}

/** @throws UserFault where the bytes are no run state of this version */
export function decodeRunState(bytes: Uint8Array, path: string): RunState {
  let content: unknown
  try {
    content = packr.unpack(bytes)
  } catch (error) {
    throw damagedState(path, error instanceof Error ? error.message : String(error))
  }
  if (typeof content === 'object' && content !== null && 'version' in content && content.version !== FORMAT_VERSION) {
    throw new UserFault(
      `Expected format version ${FORMAT_VERSION} for ${path} but received ${String(content.version)}.`,
      'Resume with the release of native-ensemble that wrote it, or start anew from its weights: train --init.',
    )
  }
  const checked = stateSchema.safeParse(content)
  if (!checked.success) throw damagedState(path, checked.error.issues[0]?.message ?? 'it has another form')
  const momentum = new Map<string, Float32Array>()
  for (const [name, data] of Object.entries(checked.data.momentum)) {
    if (data.byteLength % 4 !== 0) throw damagedState(path, `momentum of ${name} is no row of f32`)
    // Copied: the bytes in the file are not aligned to 4.
    momentum.set(name, new Float32Array(Uint8Array.from(data).buffer))
  }
  return { progress: checked.data.progress, momentum, modelChecksum: checked.data.modelChecksum }
}

function damagedState(path: string, problem: string): UserFault {
  return new UserFault(
    `Expected the state of a run for ${path} but received a file that cannot be read: ${problem}.`,
    'Delete that checkpoint folder and resume from an earlier one.',
  )
}
