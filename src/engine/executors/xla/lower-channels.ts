import type { ChannelOps } from '../../graph/ops/channels.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { CHANNELS } from './stored-layout.ts'

export const CHANNEL_LOWERINGS: LoweringsOf<keyof ChannelOps> = {
  Concat: ({ hlo, list }) => [hlo.concatenate(list('parts'), CHANNELS)],
  SliceChannels: ({ hlo, input, attributes }) => [
    hlo.slice(input('whole'), CHANNELS, attributes.start, attributes.channels),
  ],
}
