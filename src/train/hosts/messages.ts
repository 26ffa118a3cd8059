/** Everything that crosses between the leader (rank 0) and a follower, beside the gradients' own connections. */
import { z } from 'zod'

/** Raised when a message changes its meaning; hosts of different versions refuse each other. */
export const PROTOCOL_VERSION = 3

const wholeNumber = z.int().nonnegative()
/** Losses that are not finite cross as well. */
const anyNumber = z.custom<number>((value) => typeof value === 'number')
const address = z.object({ host: z.string(), port: wholeNumber })

/** What a follower says first. */
const helloSchema = z.object({
  kind: z.literal('hello'),
  version: z.number(),
  hosts: wholeNumber,
  rank: wholeNumber,
  command: z.enum(['train', 'resume']),
  /** Settings that all hosts share, printed; null where the leader's are taken (resume). */
  settings: z.record(z.string(), z.string()).nullable(),
})
export type Hello = z.infer<typeof helloSchema>

const toFollowerSchema = z.discriminatedUnion('kind', [
  /** A run begins: its configuration, and what the keys of its other connections are made of. */
  z.object({ kind: z.literal('begin'), config: z.unknown(), token: z.string() }),
  /** Where the others listen, by rank; an empty host is the coordinator's. `mesh` is null where it is connected already. */
  z.object({
    kind: z.literal('links'),
    mesh: z.array(address).nullable(),
    store: z.object({ port: wholeNumber, prefix: z.string() }).nullable(),
  }),
  /** A piece of the flat state that the run begins with. */
  z.object({ kind: z.literal('state'), offset: wholeNumber, bytes: z.instanceof(Uint8Array) }),
  /** Open the epoch's images from this batch on. */
  z.object({ kind: z.literal('pass'), epoch: wholeNumber, firstBatch: wholeNumber }),
  /** Train on this host's part of the pass's next batch. */
  z.object({ kind: z.literal('step'), scalars: z.array(anyNumber) }),
  /** Send what the steps before came to: where it stays on the devices it is not sent before. */
  z.object({ kind: z.literal('fetch') }),
  /** No further steps of this run. */
  z.object({ kind: z.literal('end') }),
  /** No further runs. */
  z.object({ kind: z.literal('finished'), ended: z.enum(['finished', 'interrupted']) }),
  z.object({ kind: z.literal('failed'), message: z.string(), remedy: z.string() }),
  z.object({ kind: z.literal('alive') }),
])
export type ToFollower = z.infer<typeof toFollowerSchema>
/** Bytes of a piece of the state; nothing else that the leader says is as long. */
export const STATE_PIECE = 2 ** 22
export const TO_FOLLOWER = { schema: toFollowerSchema, longest: 2 * STATE_PIECE }

const toLeaderSchema = z.discriminatedUnion('kind', [
  helloSchema,
  /** The port of its gradients' connections; null where there are none to be made. */
  z.object({ kind: z.literal('listening'), port: wholeNumber.nullable() }),
  /** State and images are there; `images` tells those apart that are not the leader's. */
  z.object({ kind: z.literal('ready'), images: z.string() }),
  /** A step's outputs of each of its replicas. */
  z.object({ kind: z.literal('ran'), outputs: z.array(z.array(anyNumber)) }),
  /** After the last step of a run: what tells its state apart, null where it stays on devices. */
  z.object({ kind: z.literal('ended'), state: z.string().nullable() }),
  /** Someone wants the run to end: Ctrl-C, or SIGTERM. */
  z.object({ kind: z.literal('stop') }),
  z.object({ kind: z.literal('failed'), message: z.string(), remedy: z.string().nullable() }),
  z.object({ kind: z.literal('alive') }),
])
export type ToLeader = z.infer<typeof toLeaderSchema>
/** Settings in words and a step's few numbers. */
export const TO_LEADER = { schema: toLeaderSchema, longest: 2 ** 20 }
