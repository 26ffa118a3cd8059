import type { DecoupledAttributes, DistillationOps } from '../../graph/ops/distillation.ts'
import type { ValueId } from '../../graph/program.ts'
import { divergenceWords, emitRowSum } from './lower-losses.ts'
import type { Lowering } from './lowering.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { float, type Word } from './plan-words.ts'

export const DISTILLATION_LOWERINGS: LoweringsOf<keyof DistillationOps> = {
  SharedLinear: {
    rows: ['rows'],
    lower: ({ lowering, node, input, list }) => {
      const tensors = lowering.tensorList([...list('rows'), ...node.outputs])
      lowering.emit('sharedLinear', [lowering.state(input('weights')), node.outputs.length, ...tensors], node)
    },
  },
  SharedLinearBackpropWeights: {
    rows: ['rowsThenGradients'],
    lower: ({ lowering, node, list, output }) => {
      const tensors = lowering.tensorList(list('rowsThenGradients'))
      const words = [tensors.length / 2, ...tensors, lowering.gradient(output('dweights'))]
      lowering.emit('sharedLinearBackwardWeights', words, node)
    },
  },
  RowDots: {
    rows: ['query', 'keys'],
    lower: ({ lowering, node, input, list, output }) => {
      const operands = [input('query'), ...list('keys')]
      const tensors = lowering.tensorList([...operands, output('dots')])
      lowering.emit('rowDots', [operands.length, ...tensors], node)
    },
  },
  KullbackLeiblerTeacherGrad: {
    rows: ['teacher', 'student'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const tensors = lowering.tensorList([input('teacher'), input('student'), output('dteacher')])
      const words = divergenceWords(lowering, attributes.temperature, input('student'))
      lowering.emit('kullbackLeiblerTeacherGrad', [lowering.uniformScalar(input('dloss')), ...tensors, ...words], node)
    },
  },
  DecoupledKullbackLeibler: {
    rows: ['teacher', 'student'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const tensors = lowering.tensorList([input('teacher'), input('student')])
      const words = decoupledWords(lowering, attributes, input('student'))
      const divergence = output('divergence')
      emitRowSum(lowering, 'decoupledKullbackLeibler', node, divergence, (sum) => [...tensors, sum, ...words])
    },
  },
  DecoupledKullbackLeiblerGrad: {
    rows: ['teacher', 'student'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const tensors = lowering.tensorList([input('teacher'), input('student'), output('dstudent')])
      const words = decoupledWords(lowering, attributes, input('student'))
      const dloss = lowering.uniformScalar(input('dloss'))
      lowering.emit('decoupledKullbackLeiblerGrad', [dloss, ...tensors, ...words], node)
    },
  },
  CollaborativeTarget: {
    rows: ['logits'],
    lower: ({ lowering, node, attributes, list, output }) => {
      const tensors = lowering.tensorList([...list('logits'), output('target')])
      const rule = attributes.rule === 'naive' ? 0 : 1
      lowering.emit('collaborativeTarget', [rule, list('logits').length, ...tensors], node)
    },
  },
}

/** As divergenceWords, with the weights of the parts. */
function decoupledWords(lowering: Lowering, attributes: DecoupledAttributes, student: ValueId): Word[] {
  const { temperature, target, others } = attributes
  return [...divergenceWords(lowering, temperature, student), float(target), float(others)]
}
