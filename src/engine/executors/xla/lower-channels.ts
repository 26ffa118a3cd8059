import type { ChannelOps } from '../../graph/ops/channels.ts'
import type { LoweringsOf } from './op-lowering.ts'

/** Axis of the channels of a stored image. */
const CHANNELS = 3

export const CHANNEL_LOWERINGS: LoweringsOf<keyof ChannelOps> = {
  Concat: ({ hlo, list }) => [hlo.concatenate(list('parts'), CHANNELS)],
  SliceChannels: ({ hlo, input, attributes }) => [
    hlo.slice(input('whole'), CHANNELS, attributes.start, attributes.channels),
  ],
}
