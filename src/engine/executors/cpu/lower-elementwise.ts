import type { ElementwiseOps } from '../../graph/ops/elementwise.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { float } from './plan-words.ts'

export const ELEMENTWISE_LOWERINGS: LoweringsOf<keyof ElementwiseOps> = {
  Constant: {
    rows: [],
    lower: ({ lowering, node, attributes, output }) => {
      const result = output('value')
      lowering.emitScalar('scalarConstant', [lowering.scalar(result), float(attributes.value)], result, node)
    },
  },
  Normalise: {
    rows: [],
    lower: ({ lowering, node, attributes: { mean, std }, output }) =>
      lowering.emit('normalise', [lowering.tensor(output('images')), ...mean.map(float), ...std.map(float)], node),
  },
  Cast: {
    rows: [],
    lower: ({ lowering, node, input, output }) => {
      const [x, y] = [input('x'), output('y')]
      if (lowering.home(y).kind === 'state') return
      const target = lowering.tensor(y)
      if (lowering.home(x).kind === 'state') lowering.emit('importState', [target, lowering.state(x)], node)
      else lowering.emit('cast', [lowering.tensor(x), target], node)
    },
  },
  Add: {
    rows: ['left', 'right'],
    overwrites: { sum: ['left', 'right'] },
    lower: ({ lowering, node, input, output }) => {
      const sum = output('sum')
      const values = [input('left'), input('right'), sum]
      if (lowering.home(sum).kind !== 'scalar') return lowering.emit('add', lowering.tensorList(values), node)
      lowering.emitScalar(
        'scalarAdd',
        values.map((id) => lowering.scalar(id)),
        sum,
        node,
      )
    },
  },
  Multiply: {
    rows: [],
    lower: ({ lowering, node, input, output }) => {
      const product = output('product')
      const words = [input('left'), input('right'), product].map((id) => lowering.scalar(id))
      lowering.emitScalar('scalarMultiply', words, product, node)
    },
  },
  Scale: {
    rows: ['x'],
    overwrites: { y: ['x'] },
    lower: ({ lowering, node, attributes, input, output }) => {
      const [x, y, factor] = [input('x'), output('y'), float(attributes.factor)]
      if (lowering.home(y).kind === 'scalar') {
        lowering.emitScalar('scalarScale', [lowering.scalar(x), factor, lowering.scalar(y)], y, node)
      } else lowering.emit('scale', [lowering.tensor(x), factor, lowering.tensor(y)], node)
    },
  },
}
