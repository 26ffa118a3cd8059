import { elementCount } from '../../../vocabulary/shape.ts'
import { rowsAndLabels } from './losses.ts'
import type { NoAttributes, OpFamily, TensorType } from './op-definition.ts'
import { f32, meanOf, need, rank, sameTypes, scalar } from './shapes.ts'

/** Weights of the two parts of a decoupled divergence, and its temperature. */
export interface DecoupledAttributes {
  readonly temperature: number
  readonly target: number
  readonly others: number
}

/** What methods of distillation beside ONE need. Rows [B, n] in f32: K = classes, m = classifiers. */
export interface DistillationOps {
  /** weights [out, in], m rows [B, in] -> m [B, out]: one linear layer without bias for several tensors. */
  SharedLinear: { attributes: NoAttributes; inputs: ['weights', '...rows']; outputs: ['...results'] }
  /** m rows [B, in], then m gradients [B, out] -> dweights [out, in]. */
  SharedLinearBackpropWeights: { attributes: NoAttributes; inputs: ['...rowsThenGradients']; outputs: ['dweights'] }
  /** query [B, d], m keys [B, d] -> [B, m], the dot products of each row of the query with that of each key. */
  RowDots: { attributes: NoAttributes; inputs: ['query', '...keys']; outputs: ['dots'] }
  /** Of KullbackLeibler where its teacher learns. */
  KullbackLeiblerTeacherGrad: {
    attributes: { readonly temperature: number }
    inputs: ['dloss', 'teacher', 'student']
    outputs: ['dteacher']
  }
  /**
   * Logits [B, K], labels -> scalar, KL(teacher || student) of predictions softened by T taken apart (DKD, equation 7): mean over
   * the batch of `target` KL((p_y, 1 - p_y) || (q_y, 1 - q_y)) + `others` KL(p^ || q^), p^ and q^ the predictions among the
   * classes that are not the label. Rows of label -1 add nothing. The teacher is a constant.
   */
  DecoupledKullbackLeibler: {
    attributes: DecoupledAttributes
    inputs: ['teacher', 'student', 'labels']
    outputs: ['divergence']
  }
  DecoupledKullbackLeiblerGrad: {
    attributes: DecoupledAttributes
    inputs: ['dloss', 'teacher', 'student', 'labels']
    outputs: ['dstudent']
  }
  /**
   * Labels, logits of m classifiers [B, K] -> what KDCL's students learn from, [B, K]. `naive`: a row of the classifier whose
   * cross entropy is least, the first of equals. `min-logit`: the least of their logits, each less its logit of the label.
   */
  CollaborativeTarget: {
    attributes: { readonly rule: 'naive' | 'min-logit' }
    inputs: ['labels', '...logits']
    outputs: ['target']
  }
}

export const DISTILLATION: OpFamily<DistillationOps> = {
  SharedLinear: {
    inputs: ['weights', '...rows'],
    outputs: ['...results'],
    shape: ({ input, list }) => {
      const rows = list('rows')
      const [batch = 0, fanIn] = rank(meanOf(rows), 2, 'each tensor of rows')
      const [fanOut = 0, weightIn = 0] = rank(input('weights'), 2, 'weights')
      need(fanIn === weightIn, `${weightIn} features of each row`)
      return rows.map(() => f32([batch, fanOut]))
    },
    gradient: ({ graph, input, list, arriving, label, wants }) => {
      const rows = list('rows')
      const used = rows.flatMap((x, place) => {
        const dy = arriving[place] ?? null
        return dy === null ? [] : [{ x, dy }]
      })
      const pairs = [...used.map(({ x }) => x), ...used.map(({ dy }) => dy)]
      return {
        weights: graph.applyOne('SharedLinearBackpropWeights', pairs, {}, label),
        rows: rows.map((_, place) => {
          const dy = arriving[place] ?? null
          if (dy === null || !wants('rows', place)) return null
          return graph.applyOne('LinearBackpropInput', [dy, input('weights')], {}, label)
        }),
      }
    },
    multiplyAdds: ({ input, list }) => list('rows').length * multiplyAdds(list('rows')[0], input('weights')),
  },
  SharedLinearBackpropWeights: {
    inputs: ['...rowsThenGradients'],
    outputs: ['dweights'],
    shape: ({ list }) => {
      const all = list('rowsThenGradients')
      const count = all.length / 2
      need(Number.isInteger(count), 'as many tensors of rows as of gradients')
      const [batch, fanIn = 0] = rank(meanOf(all.slice(0, count)), 2, 'rows')
      const [others, fanOut = 0] = rank(meanOf(all.slice(count)), 2, 'gradients')
      need(batch === others, 'as many rows as gradients')
      return [f32([fanOut, fanIn])]
    },
    gradient: null,
    multiplyAdds: ({ list }, [dweights]) => {
      const all = list('rowsThenGradients')
      return (all.length / 2) * multiplyAdds(all[0], dweights)
    },
  },
  RowDots: {
    inputs: ['query', '...keys'],
    outputs: ['dots'],
    shape: ({ input, list }) => {
      const keys = list('keys')
      const [batch = 0] = rank(meanOf([input('query'), ...keys]), 2, 'each input')
      need(keys.length > 0, 'a key')
      return [f32([batch, keys.length])]
    },
    // dquery = sum_i dy_i key_i and dkey_i = dy_i query: a sum that dy gates, and what gates its gradient.
    gradient: ({ graph, input, list, dy, label }) => {
      const keys = list('keys')
      const [, ...dkeys] = graph.apply('GatedSumGrad', [input('query'), dy, ...keys], {}, label)
      return { query: graph.applyOne('GatedSum', [dy, ...keys], {}, label), keys: dkeys }
    },
  },
  KullbackLeiblerTeacherGrad: {
    inputs: ['dloss', 'teacher', 'student'],
    outputs: ['dteacher'],
    shape: ({ input }) => [sameTypes([input('teacher'), input('student')])],
    gradient: null,
  },
  DecoupledKullbackLeibler: {
    inputs: ['teacher', 'student', 'labels'],
    outputs: ['divergence'],
    shape: ({ input }) => {
      decoupled(input('teacher'), input('student'), input('labels'))
      return [scalar]
    },
    gradient: ({ graph, input, dy, attributes, label }) => {
      const operands = [dy, input('teacher'), input('student'), input('labels')]
      return { student: graph.applyOne('DecoupledKullbackLeiblerGrad', operands, attributes, label) }
    },
  },
  DecoupledKullbackLeiblerGrad: {
    inputs: ['dloss', 'teacher', 'student', 'labels'],
    outputs: ['dstudent'],
    shape: ({ input }) => [decoupled(input('teacher'), input('student'), input('labels'))],
    gradient: null,
  },
  CollaborativeTarget: {
    inputs: ['labels', '...logits'],
    outputs: ['target'],
    shape: ({ input, list }) => {
      const type = meanOf(list('logits'))
      rowsAndLabels(type, input('labels'))
      return [type]
    },
    gradient: null,
  },
}

/** Type of the logits of a decoupled divergence. */
function decoupled(teacher: TensorType, student: TensorType, labels: TensorType): TensorType {
  const type = sameTypes([teacher, student])
  rowsAndLabels(type, labels)
  need((type.shape[1] ?? 0) > 1, 'a class beside that of the label')
  return type
}

/** Of [B, in] x [out, in]. */
function multiplyAdds(rows: TensorType | undefined, weights: TensorType | undefined): number {
  return (rows?.shape[0] ?? 0) * elementCount(weights?.shape ?? [])
}
