import { printShape, type Shape } from '../../vocabulary/shape.ts'
import type { TensorType } from './ops/op-definition.ts'
import { fitsNames } from './ops/operand-names.ts'
import { nameInputs, OPS, type OpAttributes, type OpName } from './ops.ts'
import type { NamedValue, Phase, Program, ProgramNode, ValueId } from './program.ts'

/** A value while its program is being captured. */
export interface Value extends TensorType {
  readonly id: ValueId
}

/** How a state tensor takes part in training. */
export type ParameterKind =
  | 'weight'
  | 'statistic'
  /** Read only: weights and statistics of a network that was trained before. */
  | 'frozen'
  | 'frozen statistic'

/** Weights that recipes treat apart from filters and matrices: biases, and the scales and shifts of normalisation layers. */
export type WeightGroup = 'norm' | 'bias'

/** How a parameter's elements are drawn before training; a normal distribution has mean 0, a uniform one +-bound. */
export type Initialiser =
  | { readonly draw: 'normal'; readonly std: number }
  | { readonly draw: 'uniform'; readonly bound: number }
  | { readonly draw: 'constant'; readonly value: number }

/** A state tensor that layers declared, in the order of declaration. */
export interface Parameter {
  readonly name: string
  readonly kind: ParameterKind
  readonly initial: Initialiser
  readonly value: Value
  /** null for filters, matrices and what is no weight. */
  readonly group: WeightGroup | null
}

/**
 * Captures one program: layers append nodes, gradient rules append more, `finish` returns plain data. All state of a
 * capture is in this object.
 */
export class GraphBuilder {
  readonly batch: number
  readonly parameters: Parameter[] = []
  readonly nodes: ProgramNode[] = []
  readonly #values: Value[] = []
  readonly #scalars: NamedValue[] = []
  readonly #states = new Map<string, Value>()
  readonly #path: string[] = []
  readonly #gradientFactors = new Map<ValueId, number>()
  #images: Value | null = null
  #labels: Value | null = null
  #phase: Phase = 'forward'

  constructor(batch: number) {
    this.batch = batch
  }

  /** Pixels, u8 [batch, height, width, channels]. */
  images(height: number, width: number, channels: number): Value {
    this.#images ??= this.#value({ shape: [this.batch, height, width, channels], dtype: 'u8' })
    return this.#images
  }

  /** Classes, i32 [batch]; with partners [2, batch]: of the images, then of those that are mixed into them. */
  labels(which: 'own' | 'with partners' = 'own'): Value {
    const shape = which === 'own' ? [this.batch] : [2, this.batch]
    this.#labels ??= this.#value({ shape, dtype: 'i32' })
    return this.#labels
  }

  /** A number given to each run. */
  scalar(name: string): Value {
    const value = this.#value({ shape: [], dtype: 'f32' })
    this.#scalars.push({ name, value: value.id })
    return value
  }

  /** A state tensor that is no parameter of a layer, e.g. a momentum buffer. The same name gives the same value. */
  state(name: string, shape: Shape): Value {
    const known = this.#states.get(name)
    if (known !== undefined) return known
    const value = this.#value({ shape, dtype: 'f32' })
    this.#states.set(name, value)
    return value
  }

  /** Of a parameter of the layer in scope. */
  fullName(name: string): string {
    return [...this.#path, name].join('.')
  }

  /** A parameter of the layer in scope; its name is the layer's path and `name`. */
  parameter(
    name: string,
    shape: Shape,
    kind: ParameterKind,
    initial: Initialiser,
    group: WeightGroup | null = null,
  ): Value {
    const fullName = this.fullName(name)
    if (this.#states.has(fullName)) throw new Error(`Expected one layer for each name but received ${fullName} twice`)
    const value = this.state(fullName, shape)
    this.parameters.push({ name: fullName, kind, initial, value, group })
    return value
  }

  /** Captures `body` inside the layer `name`. */
  scope<T>(name: string, body: () => T): T {
    this.#path.push(name)
    try {
      return body()
    } finally {
      this.#path.pop()
    }
  }

  /** Captures `body` as another part of the step. */
  phase<T>(phase: Phase, body: () => T): T {
    const outer = this.#phase
    this.#phase = phase
    try {
      return body()
    } finally {
      this.#phase = outer
    }
  }

  /**
   * Appends an operation and returns its outputs.
   * @param label layer path; the scope's where omitted
   * @throws Error naming layer, op and shapes where the inputs do not fit the op
   */
  apply<N extends OpName>(
    op: N,
    inputs: readonly Value[],
    attributes: OpAttributes[N],
    label = this.#path.join('.'),
  ): Value[] {
    const outputs = this.#outputTypes(op, inputs, attributes, label).map((type) => this.#value(type))
    const ids = (values: readonly Value[]) => values.map(({ id }) => id)
    // One op and its own attributes: N ties them, which a union of nodes cannot express to the compiler.
    const node = {
      op,
      attributes,
      inputs: ids(inputs),
      outputs: ids(outputs),
      label,
      phase: this.#phase,
    } as ProgramNode
    this.nodes.push(node)
    return outputs
  }

  /** As `apply`, for operations of one output. */
  applyOne<N extends OpName>(op: N, inputs: readonly Value[], attributes: OpAttributes[N], label?: string): Value {
    const [output, ...others] = this.apply(op, inputs, attributes, label)
    if (output === undefined || others.length > 0) throw new Error(`Expected one output of ${op}`)
    return output
  }

  /** The gradient that reaches a value from all of its uses is multiplied by a constant; the value itself is as it was. */
  scaleGradient(value: Value, factor: number): Value {
    this.#gradientFactors.set(value.id, factor)
    return value
  }

  /** What scaleGradient said of a value, 1 where it said nothing. */
  gradientFactor(id: ValueId): number {
    return this.#gradientFactors.get(id) ?? 1
  }

  /** The value of an id. */
  value(id: ValueId): Value {
    const value = this.#values[id]
    if (value === undefined) throw new Error(`Expected a value of this builder but received id ${id}`)
    return value
  }

  /** The program as plain data. @param updates new values of state tensors by name */
  finish(
    name: string,
    outputs: readonly { readonly name: string; readonly value: Value }[],
    updates: readonly { readonly name: string; readonly value: Value }[] = [],
  ): Program {
    const named = ({ name: key, value }: { name: string; value: Value }) => ({ name: key, value: value.id })
    return {
      name,
      batch: this.batch,
      values: this.#values.map(({ shape, dtype }) => ({ shape, dtype })),
      nodes: [...this.nodes],
      images: this.#images?.id ?? null,
      labels: this.#labels?.id ?? null,
      scalars: [...this.#scalars],
      states: [...this.#states].map(([key, value]) => ({ name: key, value: value.id })),
      updates: updates.map(named),
      outputs: outputs.map(named),
    }
  }

  #value(type: TensorType): Value {
    const value = { id: this.#values.length, shape: type.shape, dtype: type.dtype }
    this.#values.push(value)
    return value
  }

  #outputTypes<N extends OpName>(op: N, inputs: readonly Value[], attributes: OpAttributes[N], label: string) {
    try {
      const { inputs: names, shape } = OPS[op]
      if (!fitsNames(names, inputs.length)) throw new Error(`${names.join(', ')} as inputs`)
      return shape({ ...nameInputs({ op, label }, inputs), attributes })
    } catch (cause) {
      const shapes = inputs.map(({ dtype, shape }) => `${dtype} ${printShape(shape)}`).join(', ')
      const expectation = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`Expected ${expectation} for ${op} of layer ${label || '(top)'} but received ${shapes}`, {
        cause,
      })
    }
  }
}
