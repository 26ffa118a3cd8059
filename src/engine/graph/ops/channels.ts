import { sameShape } from '../../../vocabulary/shape.ts'
import type { NoAttributes, OpFamily } from './op-definition.ts'
import { need, rank } from './shapes.ts'

export interface ChannelOps {
  /** [B, C1, H, W], [B, C2, H, W], ... -> [B, C1 + C2 + ..., H, W]. */
  Concat: { attributes: NoAttributes; inputs: ['...parts']; outputs: ['whole'] }
  /** [B, C, H, W] -> its `channels` channels from `start` on. */
  SliceChannels: {
    attributes: { readonly start: number; readonly channels: number }
    inputs: ['whole']
    outputs: ['part']
  }
}

export const CHANNELS: OpFamily<ChannelOps> = {
  Concat: {
    inputs: ['...parts'],
    outputs: ['whole'],
    shape: ({ list }) => {
      const [first, ...others] = list('parts')
      need(first !== undefined, 'an input')
      const [batch = 0, , ...image] = rank(first, 4, 'each input')
      const channels = [first, ...others].map((part) => {
        const own = rank(part, 4, 'each input')
        need(own[0] === batch && sameShape(own.slice(2), image), 'inputs that differ in their channels only')
        need(part.dtype === first.dtype, 'inputs of one precision')
        return own[1] ?? 0
      })
      const sum = channels.reduce((total, count) => total + count, 0)
      return [{ shape: [batch, sum, ...image], dtype: first.dtype }]
    },
    gradient: ({ graph, list, dy, label, wants }) => {
      let next = 0
      const parts = list('parts').map(({ shape }, index) => {
        const channels = shape[1] ?? 0
        const start = next
        next += channels
        return wants('parts', index) ? graph.applyOne('SliceChannels', [dy], { start, channels }, label) : null
      })
      return { parts }
    },
  },
  SliceChannels: {
    inputs: ['whole'],
    outputs: ['part'],
    shape: ({ input, attributes: { start, channels } }) => {
      const x = input('whole')
      const [batch = 0, all = 0, ...image] = rank(x, 4, 'x')
      need(start >= 0 && channels >= 1 && start + channels <= all, `channels ${start} to ${start + channels - 1} of x`)
      return [{ shape: [batch, channels, ...image], dtype: x.dtype }]
    },
    gradient: null,
  },
}
