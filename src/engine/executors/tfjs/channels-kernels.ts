import * as tf from '@tensorflow/tfjs-core'
import type { ChannelOps } from '../../graph/ops/channels.ts'
import type { KernelsOf } from './kernel.ts'

/** Axis of the channels as stored. */
const CHANNEL_AXIS = 3

export const CHANNEL_KERNELS: KernelsOf<keyof ChannelOps> = {
  Concat: ({ list }) => [tf.concat([...list('parts')], CHANNEL_AXIS)],
  SliceChannels: ({ input, attributes }) => {
    const size = [...input('whole').shape]
    size[CHANNEL_AXIS] = attributes.channels
    return [tf.slice(input('whole'), [0, 0, 0, attributes.start], size)]
  },
}
