import type { OpAttributes } from './ops.ts'

/** One operation of an update; numbers are places of values: operands first, then the results of the steps before. */
export type UpdateStep =
  | { readonly op: 'constant'; readonly value: number }
  | { readonly op: UpdateOp; readonly of: readonly number[] }

/**
 * `norm` is the square root of the sum of squares over the whole tensor, a scalar. `whenPositive` of scalars a, b, c is b where
 * a > 0, else c. The others are elementwise; a scalar goes with every element.
 */
export type UpdateOp = 'add' | 'subtract' | 'multiply' | 'divide' | 'squareRoot' | 'norm' | 'whenPositive'

/** A value of an update that is being written. */
export interface UpdateValue {
  readonly place: number
  readonly scalar: boolean
  /** Whether a norm is part of it. */
  readonly afterNorm: boolean
}

type Term = UpdateValue | number

/** What an update is computed from. */
export interface UpdateOperands {
  readonly weight: UpdateValue
  /** As many as the optimizer has for a weight. */
  readonly state: (index: number) => UpdateValue
  readonly gradient: UpdateValue
  /** The learning rate, then the optimizer's own numbers. */
  readonly scalar: (index: number) => UpdateValue
}

/**
 * Writes an update as attributes of the op OptimizerUpdate, which every executor computes.
 * @param counts tensors of state for each weight, and scalars
 * @param write returns the new weight, then the new states
 */
export function writeUpdate(
  counts: { readonly states: number; readonly scalars: number },
  write: (arithmetic: UpdateArithmetic, operands: UpdateOperands) => UpdateValue[],
): OpAttributes['OptimizerUpdate'] {
  const tensors = counts.states + 2
  const operand = (first: number, count: number, scalar: boolean) => (index: number) => {
    if (index < 0 || index >= count) throw new Error(`Expected an operand below ${count} but received ${index}`)
    return { place: first + index, scalar, afterNorm: false }
  }
  const tensor = operand(0, tensors, false)
  const arithmetic = new UpdateArithmetic(tensors + counts.scalars)
  const results = write(arithmetic, {
    weight: tensor(0),
    state: operand(1, counts.states, false),
    gradient: tensor(tensors - 1),
    scalar: operand(tensors, counts.scalars, true),
  })
  if (results.length !== tensors - 1) throw new Error(`Expected ${tensors - 1} results but received ${results.length}`)
  return { steps: arithmetic.steps, results: results.map(({ place }) => place) }
}

/** The operations that an update may be made of. */
export class UpdateArithmetic {
  readonly steps: UpdateStep[] = []
  readonly #operands: number

  constructor(operands: number) {
    this.#operands = operands
  }

  readonly add = (left: Term, right: Term): UpdateValue => this.#elementwise('add', left, right)

  readonly subtract = (left: Term, right: Term): UpdateValue => this.#elementwise('subtract', left, right)

  readonly multiply = (left: Term, right: Term): UpdateValue => this.#elementwise('multiply', left, right)

  readonly divide = (left: Term, right: Term): UpdateValue => this.#elementwise('divide', left, right)

  readonly squareRoot = (x: UpdateValue): UpdateValue => this.#elementwise('squareRoot', x)

  /** @throws Error where a norm is part of the tensor: executors take all norms in one pass, before the update */
  readonly norm = (x: UpdateValue): UpdateValue => {
    if (x.scalar || x.afterNorm) throw new Error('Expected the norm of a tensor that no norm is part of')
    return this.#define({ op: 'norm', of: [x.place] }, { scalar: true, afterNorm: true })
  }

  readonly whenPositive = (test: UpdateValue, yes: Term, no: Term): UpdateValue => {
    const chosen = this.#elementwise('whenPositive', test, yes, no)
    if (!chosen.scalar) throw new Error('Expected scalars to choose between')
    return chosen
  }

  #elementwise(op: Exclude<UpdateOp, 'norm'>, ...terms: Term[]): UpdateValue {
    const operands = terms.map((term) => this.#value(term))
    const kind = {
      scalar: operands.every(({ scalar }) => scalar),
      afterNorm: operands.some(({ afterNorm }) => afterNorm),
    }
    return this.#define({ op, of: operands.map(({ place }) => place) }, kind)
  }

  #value(term: Term): UpdateValue {
    if (typeof term !== 'number') return term
    const known = this.steps.findIndex((step) => step.op === 'constant' && step.value === term)
    if (known >= 0) return { place: this.#operands + known, scalar: true, afterNorm: false }
    return this.#define({ op: 'constant', value: term }, { scalar: true, afterNorm: false })
  }

  #define(step: UpdateStep, kind: Pick<UpdateValue, 'scalar' | 'afterNorm'>): UpdateValue {
    const place = this.#operands + this.steps.push(step) - 1
    return { place, ...kind }
  }
}

/** How one kind of value computes the operations of an update. */
export interface UpdateInterpreter<T> {
  constant(value: number): T
  add(left: T, right: T): T
  subtract(left: T, right: T): T
  multiply(left: T, right: T): T
  divide(left: T, right: T): T
  squareRoot(x: T): T
  norm(x: T): T
  whenPositive(test: T, yes: T, no: T): T
}

/** Computes an update. @returns the new weight, then the new states */
export function interpretUpdate<T>(
  { steps, results }: OpAttributes['OptimizerUpdate'],
  operands: readonly T[],
  operations: UpdateInterpreter<T>,
): T[] {
  const values = [...operands]
  const at = (place: number | undefined): T => {
    const value = values[place ?? -1]
    if (value === undefined) throw new Error(`Expected a value of the update but received place ${place}`)
    return value
  }
  for (const step of steps) {
    if (step.op === 'constant') {
      values.push(operations.constant(step.value))
      continue
    }
    const [first, second, third] = step.of
    switch (step.op) {
      case 'squareRoot':
      case 'norm':
        values.push(operations[step.op](at(first)))
        break
      case 'whenPositive':
        values.push(operations.whenPositive(at(first), at(second), at(third)))
        break
      default:
        values.push(operations[step.op](at(first), at(second)))
    }
  }
  return results.map(at)
}
