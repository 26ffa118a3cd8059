import type { DType } from '../../../vocabulary/dtype.ts'
import type { Shape } from '../../../vocabulary/shape.ts'
import type { GraphBuilder, Value } from '../graph-builder.ts'
import type { NamedValues, NameOf, Names, ValuesByName } from './operand-names.ts'

/** Shape and element type of a value of the graph. */
export interface TensorType {
  readonly shape: Shape
  readonly dtype: DType
}

/** What an op takes and gives: its attributes, and the names of its operands and results (operand-names.ts). */
export interface OpSignature {
  readonly attributes: object
  readonly inputs: Names
  readonly outputs: Names
}

/** An op without attributes. */
export type NoAttributes = Record<never, never>

/** What a shape rule sees. */
export interface ShapeCall<S extends OpSignature> extends NamedValues<S['inputs'], TensorType> {
  readonly attributes: S['attributes']
}

/** What a gradient rule sees of the forward node. */
export interface GradientCall<S extends OpSignature> extends NamedValues<S['inputs'], Value> {
  readonly graph: GraphBuilder
  readonly attributes: S['attributes']
  readonly label: string
  /** A result of the node. */
  output(name: NameOf<S['outputs']>): Value
  /** Gradients of the node's results, null where one does not reach the loss. */
  readonly arriving: readonly (Value | null)[]
  /** Gradient of the first. @throws Error where there is none */
  readonly dy: Value
  /** Whether the gradient of the operand, or of one of a list, is wanted. */
  wants(name: NameOf<S['inputs']>, index?: number): boolean
}

/** Gradients of operands by name; what is left out or null has none or is not wanted. */
export type Gradients<S extends OpSignature> = ValuesByName<S['inputs'], Value | null | undefined>

/** Everything that is the same for an op on all executors. */
export interface OpDefinition<S extends OpSignature> {
  readonly inputs: S['inputs']
  readonly outputs: S['outputs']
  /** Types of the results. Throws a plain message; the builder adds layer and shapes. */
  shape(call: ShapeCall<S>): TensorType[]
  /** Null: the op is never differentiated. */
  readonly gradient: ((call: GradientCall<S>) => Gradients<S>) | null
  /** Left out for what the literature does not count: elementwise, pooling, normalisation. */
  multiplyAdds?(call: ShapeCall<S>, results: readonly TensorType[]): number
}

/** The ops of one family. */
export type OpFamily<Family extends { readonly [N in keyof Family]: OpSignature }> = {
  readonly [N in keyof Family]: OpDefinition<Family[N]>
}
