import type { UpdateOps } from '../../graph/ops/updates.ts'
import type { OpAttributes } from '../../graph/ops.ts'
import { interpretUpdate, type UpdateInterpreter } from '../../graph/update-arithmetic.ts'
import type { LoweringsOf } from './op-lowering.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/** All in f32. */
export const UPDATE_LOWERINGS: LoweringsOf<Exclude<keyof UpdateOps, 'AllReduceMean'>> = {
  ClipByGlobalNorm: ({ hlo, list, attributes }) => {
    const gradients = list('gradients')
    const squares = gradients.map((gradient) => sumOfSquares(hlo, gradient))
    const norm = hlo.unary(
      'sqrt',
      squares.reduce((sum, square) => hlo.binary('add', sum, square)),
    )
    const share = hlo.binary('divide', hlo.constant(attributes.largestNorm), hlo.binary('add', norm, 1e-6))
    const factor = hlo.select(hlo.compare('LT', share, hlo.constant(1)), share, hlo.constant(1))
    return gradients.map((gradient) => hlo.binary('multiply', gradient, hlo.broadcast(factor, gradient.shape, [])))
  },
  // torch.optim.SGD: g += decay w; buffer = momentum buffer + g; w -= rate (g + momentum buffer).
  SgdNesterov: ({ hlo, wide, attributes }) => {
    const [weight, buffer, rate] = [wide('weight'), wide('momentum'), wide('rate')]
    const gradient = hlo.binary('add', wide('gradient'), hlo.binary('multiply', weight, attributes.weightDecay))
    const momentum = hlo.binary('add', hlo.binary('multiply', buffer, attributes.momentum), gradient)
    const direction = hlo.binary('add', gradient, hlo.binary('multiply', momentum, attributes.momentum))
    const step = hlo.binary('multiply', direction, hlo.broadcast(rate, weight.shape, []))
    return [hlo.binary('subtract', weight, step), momentum]
  },
  OptimizerUpdate: ({ hlo, list, attributes }) => updateWeight(hlo, attributes, list('operands')),
  RunningAverage: ({ hlo, wide, attributes }) => {
    const { weight, correction } = attributes
    const kept = hlo.binary('multiply', wide('running'), 1 - weight)
    return [hlo.binary('add', kept, hlo.binary('multiply', wide('batch'), weight * correction))]
  },
}

/** Any optimizer's update. @param operands f32, tensors of one shape, then scalars @returns weight and states */
function updateWeight(hlo: HloFunction, attributes: OpAttributes['OptimizerUpdate'], operands: readonly Hlo[]): Hlo[] {
  const binary = (op: 'add' | 'subtract' | 'multiply' | 'divide') => (left: Hlo, right: Hlo) => {
    const { shape } = left.shape.length > 0 ? left : right
    const whole = (x: Hlo) => (x.shape.length === shape.length ? x : hlo.broadcast(x, shape, []))
    return hlo.binary(op, whole(left), whole(right))
  }
  const operations: UpdateInterpreter<Hlo> = {
    constant: (value) => hlo.constant(value),
    add: binary('add'),
    subtract: binary('subtract'),
    multiply: binary('multiply'),
    divide: binary('divide'),
    squareRoot: (x) => hlo.unary('sqrt', x),
    norm: (x) => hlo.unary('sqrt', sumOfSquares(hlo, x)),
    whenPositive: (test, yes, no) => hlo.select(hlo.compare('GT', test, hlo.constant(0)), yes, no),
  }
  return interpretUpdate(attributes, operands, operations)
}

function sumOfSquares(hlo: HloFunction, x: Hlo): Hlo {
  const axes = x.shape.map((_, axis) => axis)
  return hlo.reduce('add', hlo.binary('multiply', x, x), axes)
}
