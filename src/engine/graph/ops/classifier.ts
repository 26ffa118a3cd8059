import { elementCount, sameShape } from '../../../vocabulary/shape.ts'
import type { NoAttributes, OpFamily, TensorType } from './op-definition.ts'
import { f32, meanOf, need, rank, sameTypes } from './shapes.ts'

/** Rows [B, n] in f32: K = classes, m = branches. */
export interface ClassifierOps {
  /** x [B, in], weights [out, in], bias [out] -> [B, out]. */
  Linear: { attributes: NoAttributes; inputs: ['x', 'weights', 'bias']; outputs: ['y'] }
  LinearBackpropInput: { attributes: NoAttributes; inputs: ['dy', 'weights']; outputs: ['dx'] }
  LinearBackpropWeights: { attributes: NoAttributes; inputs: ['x', 'dy']; outputs: ['dweights', 'dbias'] }
  /** Over the last axis of [B, n]. */
  Softmax: { attributes: NoAttributes; inputs: ['x']; outputs: ['y'] }
  SoftmaxGrad: { attributes: NoAttributes; inputs: ['dy', 'y']; outputs: ['dx'] }
  /** gate [B, m], m logits [B, K] -> teacher logits sum_i g_i z_i (ONE, equation 3). */
  GatedSum: { attributes: NoAttributes; inputs: ['gate', '...logits']; outputs: ['teacher'] }
  GatedSumGrad: {
    attributes: NoAttributes
    inputs: ['dteacher', 'gate', '...logits']
    outputs: ['dgate', '...dlogits']
  }
  /** Tensors of one type f32 [B, n] -> their mean, summed in their order. */
  Average: { attributes: NoAttributes; inputs: ['...members']; outputs: ['mean'] }
  /** dy / count, the gradient of each of the averaged. */
  AverageGrad: { attributes: { readonly count: number }; inputs: ['dy']; outputs: ['dx'] }
  /** Logits of several classifiers [B, K] -> log of the mean of their probabilities; its softmax is that mean. */
  LogMeanProbability: { attributes: NoAttributes; inputs: ['...logits']; outputs: ['logMean'] }
}

export const CLASSIFIER: OpFamily<ClassifierOps> = {
  Linear: {
    inputs: ['x', 'weights', 'bias'],
    outputs: ['y'],
    shape: ({ input }) => {
      const [batch = 0, fanIn = 0] = rank(input('x'), 2, 'x')
      const [fanOut = 0, weightIn = 0] = rank(input('weights'), 2, 'w')
      need(fanIn === weightIn, `${weightIn} features of x`)
      need(sameShape(input('bias').shape, [fanOut]), `[${fanOut}] for the bias`)
      return [f32([batch, fanOut])]
    },
    gradient: ({ graph, input, dy, label, wants }) => {
      const [weights, bias] = graph.apply('LinearBackpropWeights', [input('x'), dy], {}, label)
      const x = wants('x') ? graph.applyOne('LinearBackpropInput', [dy, input('weights')], {}, label) : null
      return { x, weights, bias }
    },
    multiplyAdds: ({ input }) => multiplyAdds(input('x'), input('weights')),
  },
  LinearBackpropInput: {
    inputs: ['dy', 'weights'],
    outputs: ['dx'],
    shape: ({ input }) => {
      const [batch = 0, fanOut = 0] = rank(input('dy'), 2, 'dy')
      const [rows = 0, fanIn = 0] = rank(input('weights'), 2, 'w')
      need(rows === fanOut, `${fanOut} rows of w`)
      return [f32([batch, fanIn])]
    },
    gradient: null,
    multiplyAdds: ({ input }) => multiplyAdds(input('dy'), input('weights')),
  },
  LinearBackpropWeights: {
    inputs: ['x', 'dy'],
    outputs: ['dweights', 'dbias'],
    shape: ({ input }) => {
      const [batch, fanIn = 0] = rank(input('x'), 2, 'x')
      const [rows, fanOut = 0] = rank(input('dy'), 2, 'dy')
      need(batch === rows, 'as many rows of x as of dy')
      return [f32([fanOut, fanIn]), f32([fanOut])]
    },
    gradient: null,
    multiplyAdds: ({ input }, [dweights]) => multiplyAdds(input('x'), dweights),
  },
  Softmax: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input }) => {
      rank(input('x'), 2, 'x')
      return [input('x')]
    },
    gradient: ({ graph, output, dy, label }) => ({
      x: graph.applyOne('SoftmaxGrad', [dy, output('y')], {}, label),
    }),
  },
  SoftmaxGrad: {
    inputs: ['dy', 'y'],
    outputs: ['dx'],
    shape: ({ input }) => [sameTypes([input('dy'), input('y')])],
    gradient: null,
  },
  GatedSum: {
    inputs: ['gate', '...logits'],
    outputs: ['teacher'],
    shape: ({ input, list }) => {
      const [batch, branches = 0] = rank(input('gate'), 2, 'the gate')
      const logits = list('logits')
      need(logits.length === branches, `logits of ${branches} branches`)
      const type = sameTypes(logits)
      need(rank(type, 2, 'logits')[0] === batch, 'as many rows of logits as of the gate')
      return [type]
    },
    gradient: ({ graph, input, list, dy, label }) => {
      const [gate, ...logits] = graph.apply('GatedSumGrad', [dy, input('gate'), ...list('logits')], {}, label)
      return { gate, logits }
    },
  },
  GatedSumGrad: {
    inputs: ['dteacher', 'gate', '...logits'],
    outputs: ['dgate', '...dlogits'],
    shape: ({ input, list }) => {
      const logits = list('logits')
      sameTypes([input('dteacher'), ...logits])
      return [input('gate'), ...logits]
    },
    gradient: null,
  },
  Average: {
    inputs: ['...members'],
    outputs: ['mean'],
    shape: ({ list }) => [meanOf(list('members'))],
    gradient: ({ graph, list, dy, label }) => {
      const members = list('members')
      const share = graph.applyOne('AverageGrad', [dy], { count: members.length }, label)
      return { members: members.map(() => share) }
    },
  },
  AverageGrad: {
    inputs: ['dy'],
    outputs: ['dx'],
    shape: ({ input }) => [meanOf([input('dy')])],
    gradient: null,
  },
  LogMeanProbability: {
    inputs: ['...logits'],
    outputs: ['logMean'],
    shape: ({ list }) => [meanOf(list('logits'))],
    gradient: null,
  },
}

/** Of [B, in] x [out, in]. */
function multiplyAdds(rows: TensorType, weights: TensorType | undefined): number {
  return (rows.shape[0] ?? 0) * elementCount(weights?.shape ?? [])
}
