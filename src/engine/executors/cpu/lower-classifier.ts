import type { ClassifierOps } from '../../graph/ops/classifier.ts'
import { emitTensors, type LoweringsOf } from './op-lowering.ts'
import { float } from './plan-words.ts'

export const CLASSIFIER_LOWERINGS: LoweringsOf<keyof ClassifierOps> = {
  Linear: {
    rows: ['x'],
    lower: ({ lowering, node, input, output }) => {
      const weights = [lowering.state(input('weights')), lowering.state(input('bias'))]
      const [x, y] = [lowering.tensor(input('x')), lowering.tensor(output('y'))]
      lowering.emit('linearForward', [x, ...weights, y], node)
    },
  },
  LinearBackpropInput: {
    rows: ['dy'],
    lower: ({ lowering, node, input, output }) => {
      const [dy, weights] = [lowering.tensor(input('dy')), lowering.state(input('weights'))]
      lowering.emit('linearBackwardInput', [dy, weights, lowering.tensor(output('dx'))], node)
    },
  },
  LinearBackpropWeights: {
    rows: ['x', 'dy'],
    lower: ({ lowering, node, input, output }) => {
      const gradients = [lowering.gradient(output('dweights')), lowering.gradient(output('dbias'))]
      lowering.emit('linearBackwardWeights', [...lowering.tensorList([input('x'), input('dy')]), ...gradients], node)
    },
  },
  Softmax: { rows: ['x'], lower: emitTensors('softmax') },
  SoftmaxGrad: { rows: ['dy', 'y'], lower: emitTensors('softmaxGrad') },
  GatedSum: { rows: ['gate', 'logits'], lower: emitTensors('gatedSum') },
  GatedSumGrad: { rows: ['dteacher', 'gate', 'logits'], lower: emitTensors('gatedSumGrad') },
  Average: {
    rows: ['members'],
    lower: ({ lowering, node, list, output }) => {
      const members = lowering.tensorList(list('members'))
      lowering.emit('average', [members.length, ...members, lowering.tensor(output('mean'))], node)
    },
  },
  AverageGrad: {
    rows: ['dy'],
    lower: ({ lowering, node, attributes, input, output }) =>
      lowering.emit(
        'averageGrad',
        [...lowering.tensorList([input('dy'), output('dx')]), float(attributes.count)],
        node,
      ),
  },
  LogMeanProbability: {
    rows: ['logits'],
    lower: ({ lowering, node, list, output }) => {
      const logits = lowering.tensorList(list('logits'))
      lowering.emit('logMeanProbability', [logits.length, ...logits, lowering.tensor(output('logMean'))], node)
    },
  },
}
