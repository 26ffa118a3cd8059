/**
 * `state.msgpack` of a checkpoint: all of a run that is not a weight. Plain MessagePack, so any reader of that can open it:
 *
 *     {version: 3, checksum: CRC-32 of the bytes of state, state: MessagePack of progress, optimizer and modelChecksum}
 *
 * with every length in its widest form, so that the bytes before the state are the same in every file but for checksum and
 * length. Version 2 had `momentum` by the parameter's name in place of `optimizer`. Version 1 was that state alone with its
 * version, and had no checksum.
 */
import { crc32 } from 'node:zlib'
import { Packr } from 'msgpackr'
import { z } from 'zod'
import { DamagedFile, UserFault } from '../../vocabulary/fault.ts'

/** Raised when the meaning of a field changes; a checkpoint of a later version is refused, not guessed at. */
const FORMAT_VERSION = 3
/** Still read: SGD's momentum was the only state of an optimizer. */
const MOMENTUM_ONLY = 2
/** Still read, with momentum; nothing tells whether it is what was written. */
export const WITHOUT_CHECKSUM = 1

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

/** By name: f32, little-endian, row-major. */
const tensorsSchema = z.record(z.string(), z.instanceof(Uint8Array))

const stateSchema = z.strictObject({
  progress: progressSchema,
  /** The optimizer's states by the tensor's name: `momentum.<parameter>`, `exp_avg.<parameter>`. */
  optimizer: tensorsSchema,
  /**
   * Checksum that the model.safetensors beside it carries, so that halves of two checkpoints are never mixed. In version 1
   * the CRC-32 of that file.
   */
  modelChecksum: wholeNumber,
})

/** Before version 3. @see stateSchema */
const momentumSchema = z.strictObject({ progress: progressSchema, momentum: tensorsSchema, modelChecksum: wholeNumber })

/** Content of `state.msgpack`. */
export interface RunState {
  readonly progress: RunProgress
  readonly optimizer: ReadonlyMap<string, Float32Array>
  readonly modelChecksum: number
}

/** As it was read. */
export interface StoredRunState extends RunState {
  readonly version: typeof FORMAT_VERSION | typeof MOMENTUM_ONLY | typeof WITHOUT_CHECKSUM
}

const packr = new Packr({ useRecords: false })

/** MessagePack up to the checksum, up to the length of the state, and all before the state. */
const CHECKSUM_AT = 20
const LENGTH_AT = 31
const STATE_AT = 35

export function encodeRunState({ progress, optimizer, modelChecksum }: RunState): Uint8Array {
  const packed: Record<string, Uint8Array> = {}
  for (const [name, data] of optimizer) packed[name] = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const state = packr.pack({ progress, optimizer: packed, modelChecksum })
  return Buffer.concat([encodeEnvelope(FORMAT_VERSION, crc32(state), state.length), state])
}

function encodeEnvelope(format: number, checksum: number, length: number): Buffer {
  const name = (text: string) => Buffer.from([0xa0 | text.length, ...Buffer.from(text)])
  const number = (mark: number, value: number) => {
    const bytes = Buffer.alloc(5, mark)
    bytes.writeUInt32BE(value, 1)
    return bytes
  }
  const version = [name('version'), Buffer.from([format])]
  const [uint32, bin32] = [0xce, 0xc6]
  return Buffer.concat([
    ...[Buffer.from([0x83]), ...version, name('checksum'), number(uint32, checksum)],
    ...[name('state'), number(bin32, length)],
  ])
}

/** @throws UserFault where the bytes are no run state of this version or one before, or not those that were written */
export function decodeRunState(bytes: Uint8Array, path: string): StoredRunState {
  for (const version of [FORMAT_VERSION, MOMENTUM_ONLY] as const) {
    const sealed = openEnvelope(version, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), path)
    if (sealed !== null) return { ...checkState(unpack(sealed, path), version, path), version }
  }
  const content = unpack(bytes, path)
  const version = typeof content === 'object' && content !== null ? Reflect.get(content, 'version') : undefined
  if (typeof content === 'object' && content !== null && version === WITHOUT_CHECKSUM) {
    const { version: _, ...state } = { version, ...content }
    return { ...checkState(state, version, path), version }
  }
  if (typeof version !== 'number') throw damagedState(path, 'it has another form')
  throw new UserFault(
    `Expected format version ${FORMAT_VERSION} for ${path} but received ${version}.`,
    'Resume with the release of native-ensemble that wrote it, or start anew from its weights: train --init.',
  )
}

/** The state's own bytes, checked; null where they do not begin as a file of this version does. */
function openEnvelope(version: number, bytes: Buffer, path: string): Buffer | null {
  if (bytes.length < STATE_AT) return null
  const [checksum, length] = [bytes.readUInt32BE(CHECKSUM_AT), bytes.readUInt32BE(LENGTH_AT)]
  if (!bytes.subarray(0, STATE_AT).equals(encodeEnvelope(version, checksum, length))) return null
  const state = bytes.subarray(STATE_AT)
  if (state.length !== length) throw damagedState(path, `it has ${state.length} bytes of state instead of ${length}`)
  if (crc32(state) !== checksum) throw damagedState(path, 'its bytes have changed (CRC-32)')
  return state
}

function unpack(bytes: Uint8Array, path: string): unknown {
  try {
    return packr.unpack(bytes)
  } catch (error) {
    throw damagedState(path, error instanceof Error ? error.message : String(error))
  }
}

function checkState(content: unknown, version: StoredRunState['version'], path: string): RunState {
  const { progress, modelChecksum, tensors } = checkForm(content, version, path)
  const optimizer = new Map<string, Float32Array>()
  for (const [name, data] of Object.entries(tensors)) {
    if (data.byteLength % 4 !== 0) throw damagedState(path, `${name} is no row of f32`)
    // Copied: the bytes in the file are not aligned to 4.
    optimizer.set(name, new Float32Array(Uint8Array.from(data).buffer))
  }
  return { progress, optimizer, modelChecksum }
}

function checkForm(content: unknown, version: StoredRunState['version'], path: string) {
  const parsed = version === FORMAT_VERSION ? stateSchema.safeParse(content) : momentumSchema.safeParse(content)
  if (!parsed.success) throw damagedState(path, parsed.error.issues[0]?.message ?? 'it has another form')
  const { progress, modelChecksum } = parsed.data
  if ('optimizer' in parsed.data) return { progress, modelChecksum, tensors: parsed.data.optimizer }
  const named = Object.entries(parsed.data.momentum).map(([name, data]) => [`momentum.${name}`, data] as const)
  return { progress, modelChecksum, tensors: Object.fromEntries(named) }
}

function damagedState(path: string, problem: string): DamagedFile {
  return new DamagedFile(
    `Expected the state of a run for ${path} but received a file that cannot be read: ${problem}.`,
    'Resume from an earlier checkpoint.',
  )
}
