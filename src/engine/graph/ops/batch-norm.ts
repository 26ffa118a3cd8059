import { printShape, sameShape } from '../../../vocabulary/shape.ts'
import type { Rectifier } from './activation.ts'
import type { OpFamily, TensorType } from './op-definition.ts'
import { f32, need, sameTypes } from './shapes.ts'

export interface BatchNormAttributes {
  readonly epsilon: number
  /** Applied to the result, after the residual was added. */
  readonly activation: Rectifier | null
  /** Whether a tensor of the result's shape is added before the activation. */
  readonly residual: boolean
}

export interface BatchNormOps {
  /** x [B, C, ...], scale [C], shift [C] -> y, mean [C], variance [C] (biased) over batch and space. */
  BatchNorm: {
    attributes: BatchNormAttributes
    inputs: ['x', 'scale', 'shift', 'residual?']
    outputs: ['y', 'mean', 'variance']
  }
  BatchNormGrad: {
    attributes: BatchNormAttributes
    inputs: ['dy', 'x', 'y', 'scale', 'mean', 'variance']
    outputs: ['dx', 'dscale', 'dshift', 'dresidual?']
  }
  /** With running averages. */
  BatchNormInference: {
    attributes: BatchNormAttributes
    inputs: ['x', 'scale', 'shift', 'mean', 'variance', 'residual?']
    outputs: ['y']
  }
}

export const BATCH_NORM: OpFamily<BatchNormOps> = {
  BatchNorm: {
    inputs: ['x', 'scale', 'shift', 'residual?'],
    outputs: ['y', 'mean', 'variance'],
    shape: ({ input, has, attributes: { residual } }) => {
      const x = normed(input('x'), [input('scale'), input('shift')])
      checkResidual(x, residual, has('residual') ? input('residual') : null)
      const channels = f32([x.shape[1] ?? 0])
      return [x, channels, channels]
    },
    gradient: ({ graph, input, output, dy, attributes, label }) => {
      const operands = [dy, input('x'), output('y'), input('scale'), output('mean'), output('variance')]
      const [x, scale, shift, residual] = graph.apply('BatchNormGrad', operands, attributes, label)
      return { x, scale, shift, residual }
    },
  },
  BatchNormGrad: {
    inputs: ['dy', 'x', 'y', 'scale', 'mean', 'variance'],
    outputs: ['dx', 'dscale', 'dshift', 'dresidual?'],
    shape: ({ input, attributes: { residual } }) => {
      sameTypes([input('dy'), input('x'), input('y')])
      const x = normed(input('x'), [input('scale'), input('mean'), input('variance')])
      const channels = f32([x.shape[1] ?? 0])
      return [x, channels, channels, ...(residual ? [x] : [])]
    },
    gradient: null,
  },
  BatchNormInference: {
    inputs: ['x', 'scale', 'shift', 'mean', 'variance', 'residual?'],
    outputs: ['y'],
    shape: ({ input, has, attributes: { residual } }) => {
      const x = normed(input('x'), [input('scale'), input('shift'), input('mean'), input('variance')])
      checkResidual(x, residual, has('residual') ? input('residual') : null)
      return [x]
    },
    gradient: null,
  },
}

function normed(x: TensorType, vectors: readonly TensorType[]): TensorType {
  need(x.shape.length === 2 || x.shape.length === 4, 'rank 2 or 4 for x')
  const channels = [x.shape[1] ?? 0]
  for (const vector of vectors) {
    need(vector.dtype === 'f32' && sameShape(vector.shape, channels), `f32 ${printShape(channels)} for each vector`)
  }
  return x
}

function checkResidual(x: TensorType, residual: boolean, added: TensorType | null): void {
  need(residual === (added !== null), residual ? 'a residual' : 'no residual')
  need(added === null || (sameShape(added.shape, x.shape) && added.dtype === x.dtype), 'a residual of type of x')
}
