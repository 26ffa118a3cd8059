import type { OpFamily, TensorType } from './op-definition.ts'
import { need, sameTypes } from './shapes.ts'

/**
 * Activation functions: relu max(x, 0), relu6 min(max(x, 0), 6), silu x sigmoid(x) (Elfwing, Uchibe and Doya, 2017), gelu
 * x Phi(x) with Phi by erf, not by its approximation with tanh (Hendrycks and Gimpel, 2016), as torch.nn.functional has them.
 */
export const ACTIVATIONS = ['relu', 'relu6', 'silu', 'gelu'] as const
export type ActivationFunction = (typeof ACTIVATIONS)[number]

/** Functions whose slope is 0 or 1 and follows from their result: their gradient needs no x, and batch norm takes them up. */
const RECTIFIERS = ['relu', 'relu6'] as const satisfies readonly ActivationFunction[]
export type Rectifier = (typeof RECTIFIERS)[number]

export function isRectifier(activation: ActivationFunction): activation is Rectifier {
  const rectifiers: readonly ActivationFunction[] = RECTIFIERS
  return rectifiers.includes(activation)
}

export interface ActivationAttributes {
  readonly function: ActivationFunction
}

export interface ActivationOps {
  /** x -> function(x), elementwise. */
  Activation: { attributes: ActivationAttributes; inputs: ['x']; outputs: ['y'] }
  /** The source is y of rectifiers, x of the others. */
  ActivationGrad: { attributes: ActivationAttributes; inputs: ['dy', 'source']; outputs: ['dx'] }
}

export const ACTIVATION: OpFamily<ActivationOps> = {
  Activation: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input }) => [floats(input('x'))],
    gradient: ({ graph, input, output, dy, attributes, label }) => {
      const source = isRectifier(attributes.function) ? output('y') : input('x')
      return { x: graph.applyOne('ActivationGrad', [dy, source], attributes, label) }
    },
  },
  ActivationGrad: {
    inputs: ['dy', 'source'],
    outputs: ['dx'],
    shape: ({ input }) => [floats(sameTypes([input('dy'), input('source')]))],
    gradient: null,
  },
}

function floats(type: TensorType): TensorType {
  need(type.dtype === 'f32' || type.dtype === 'bf16', 'f32 or bf16')
  need(type.shape.length === 2 || type.shape.length === 4, 'rank 2 or 4')
  return type
}
