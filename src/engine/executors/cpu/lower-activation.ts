import type { ActivationOps } from '../../graph/ops/activation.ts'
import type { LoweringsOf } from './op-lowering.ts'

export const ACTIVATION_LOWERINGS: LoweringsOf<keyof ActivationOps> = {
  Activation: {
    rows: ['x'],
    overwrites: { y: ['x'] },
    lower: ({ lowering, node, attributes, input, output }) =>
      lowering.emit(attributes.function, lowering.tensorList([input('x'), output('y')]), node),
  },
  ActivationGrad: {
    rows: ['dy', 'source'],
    overwrites: { dx: ['dy', 'source'] },
    lower: ({ lowering, node, attributes, input, output }) => {
      const words = lowering.tensorList([input('dy'), input('source'), output('dx')])
      lowering.emit(`${attributes.function}Grad`, words, node)
    },
  },
}
