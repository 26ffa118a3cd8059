import type { ChannelOps } from '../../graph/ops/channels.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { planSizes } from './storage.ts'

export const CHANNEL_LOWERINGS: LoweringsOf<keyof ChannelOps> = {
  Concat: {
    rows: ['parts'],
    lower: ({ lowering, node, list, output }) => {
      const [first, ...others] = list('parts')
      const whole = output('whole')
      // A tensor that grows holds its first part already.
      const grows = first !== undefined && lowering.fused.within.has(whole)
      const copied = grows ? others : list('parts')
      const start = grows ? planSizes(lowering.program, first).channels : 0
      lowering.emit('concat', [lowering.tensor(whole), start, copied.length, ...lowering.tensorList(copied)], node)
    },
  },
  SliceChannels: {
    rows: ['whole'],
    lower: ({ lowering, node, attributes, input, output }) =>
      lowering.emit(
        'sliceChannels',
        [...lowering.tensorList([input('whole'), output('part')]), attributes.start],
        node,
      ),
  },
}
