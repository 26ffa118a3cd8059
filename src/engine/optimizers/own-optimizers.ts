/** Optimizers that a user defines. */
import { callOwn, findOwn, isRecord, wrongOwn } from '../../vocabulary/own-definitions.ts'
import { printShape } from '../../vocabulary/shape.ts'
import { isValue, printValue } from '../graph/own-values.ts'
import type { Optimizer } from './optimizer.ts'
import type { OptimizerConfig } from './registry.ts'

/** An optimizer as a user defines it. */
export interface OwnOptimizer {
  readonly name: string
  /** @param settings of the run: `momentum`, `weightDecay`, `betas`, `epsilon`, `trustCoefficient` */
  create(settings: Omit<OptimizerConfig, 'optimizer'>): Optimizer
}

/** The optimizer that a setting's word names, its update checked as it is captured; null for words that name none. */
export function findOwnOptimizer(settings: OptimizerConfig): Optimizer | null {
  const own = findOwn('optimizer', settings.optimizer)
  if (own === null) return null
  const { definition, source } = own
  if (!isOwnOptimizer(definition)) {
    const received = isRecord(definition) ? `an object with ${Object.keys(definition).join(', ')}` : typeof definition
    throw wrongOwn(
      'an optimizer with a name and the function create',
      source,
      received,
      'Make it with defineOptimizer.',
    )
  }
  const remedy =
    'create returns { states, scalars, update }; update returns the weight, then its states, each of its shape.'
  const optimizer: unknown = callOwn('create', source, remedy, () => definition.create(settings))
  if (!isOptimizer(optimizer))
    throw wrongOwn('{ states, scalars, update } from create', source, 'something else', remedy)
  return {
    states: optimizer.states,
    scalars: optimizer.scalars,
    update: (graph, operands) => {
      const values: unknown = callOwn('update', source, remedy, () => optimizer.update(graph, operands))
      const { shape } = operands.weight
      const wanted = 1 + optimizer.states.length
      if (isValues(values) && values.length === wanted && values.every((one) => String(one.shape) === String(shape))) {
        return [...values]
      }
      const received = Array.isArray(values) ? values.map(printValue).join(', ') || 'none' : printValue(values)
      throw wrongOwn(`${wanted} values ${printShape(shape)} from update of ${operands.name}`, source, received, remedy)
    },
  }
}

function isValues(values: unknown): values is ReturnType<Optimizer['update']> {
  return Array.isArray(values) && values.every(isValue)
}

function isOwnOptimizer(value: unknown): value is OwnOptimizer {
  return isRecord(value) && typeof value['name'] === 'string' && typeof value['create'] === 'function'
}

function isOptimizer(value: unknown): value is Optimizer {
  return (
    isRecord(value) &&
    Array.isArray(value['states']) &&
    isRecord(value['scalars']) &&
    typeof value['update'] === 'function'
  )
}
