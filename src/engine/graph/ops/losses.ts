import { printShape, sameShape } from '../../../vocabulary/shape.ts'
import type { OpFamily, TensorType } from './op-definition.ts'
import { need, rank, sameTypes, scalar } from './shapes.ts'

export interface CrossEntropyAttributes {
  readonly reduction: 'mean' | 'sum'
  readonly labels?: 'partner'
  /** Part of the target that is spread evenly over all classes (default: 0). */
  readonly smoothing?: number
}

export interface LossOps {
  /**
   * logits [B, K], labels [B] or [2, B] -> scalar; rows of label -1 add nothing, the mean divides by B all the same. Of two
   * labels an image, its own and its partner's, `labels` says which (default: its own). With `smoothing` e the target is
   * (1 - e) onehot(label) + e / K, as torch.nn.CrossEntropyLoss(label_smoothing=e) has it (Szegedy et al., arXiv:1512.00567,
   * section 7).
   */
  CrossEntropy: { attributes: CrossEntropyAttributes; inputs: ['logits', 'labels']; outputs: ['loss'] }
  CrossEntropyGrad: { attributes: CrossEntropyAttributes; inputs: ['dloss', 'logits', 'labels']; outputs: ['dlogits'] }
  /**
   * Logits -> mean over the batch of KL(softmax(teacher / T) || softmax(student / T)). The teacher is a constant (ONE detaches
   * it) unless it `learns`.
   */
  KullbackLeibler: {
    attributes: { readonly temperature: number; readonly teacher?: 'learns' }
    inputs: ['teacher', 'student']
    outputs: ['divergence']
  }
  KullbackLeiblerGrad: {
    attributes: { readonly temperature: number }
    inputs: ['dloss', 'teacher', 'student']
    outputs: ['dstudent']
  }
  /** logits [B, K], labels [B] or [2, B] -> rows whose own label is among the k largest logits; ties count for the lower class. */
  TopKCorrect: { attributes: { readonly k: number }; inputs: ['logits', 'labels']; outputs: ['correct'] }
}

export const LOSSES: OpFamily<LossOps> = {
  CrossEntropy: {
    inputs: ['logits', 'labels'],
    outputs: ['loss'],
    shape: ({ input, attributes }) => {
      rowsAndLabels(input('logits'), input('labels'), attributes.labels)
      return [scalar]
    },
    gradient: ({ graph, input, dy, attributes, label }) => ({
      logits: graph.applyOne('CrossEntropyGrad', [dy, input('logits'), input('labels')], attributes, label),
    }),
  },
  CrossEntropyGrad: {
    inputs: ['dloss', 'logits', 'labels'],
    outputs: ['dlogits'],
    shape: ({ input, attributes }) => {
      rowsAndLabels(input('logits'), input('labels'), attributes.labels)
      return [input('logits')]
    },
    gradient: null,
  },
  KullbackLeibler: {
    inputs: ['teacher', 'student'],
    outputs: ['divergence'],
    shape: ({ input }) => {
      rank(sameTypes([input('teacher'), input('student')]), 2, 'logits')
      return [scalar]
    },
    gradient: ({ graph, input, dy, attributes: { temperature, teacher }, label, wants }) => {
      const operands = [dy, input('teacher'), input('student')]
      const learns = teacher === 'learns' && wants('teacher')
      return {
        teacher: learns ? graph.applyOne('KullbackLeiblerTeacherGrad', operands, { temperature }, label) : null,
        student: wants('student') ? graph.applyOne('KullbackLeiblerGrad', operands, { temperature }, label) : null,
      }
    },
  },
  KullbackLeiblerGrad: {
    inputs: ['dloss', 'teacher', 'student'],
    outputs: ['dstudent'],
    shape: ({ input }) => [sameTypes([input('teacher'), input('student')])],
    gradient: null,
  },
  TopKCorrect: {
    inputs: ['logits', 'labels'],
    outputs: ['correct'],
    shape: ({ input }) => {
      rowsAndLabels(input('logits'), input('labels'))
      return [scalar]
    },
    gradient: null,
  },
}

/** Checks logits [B, K] and labels [B] or [2, B]. @param of whose labels are read, the images' own where left out */
export function rowsAndLabels(logits: TensorType, labels: TensorType, of?: 'partner'): void {
  const [batch = 0] = rank(logits, 2, 'logits')
  const shapes = of === 'partner' ? [[2, batch]] : [[batch], [2, batch]]
  const fits = shapes.some((shape) => sameShape(labels.shape, shape))
  need(labels.dtype === 'i32' && fits, `i32 ${shapes.map(printShape).join(' or ')} for labels`)
}
