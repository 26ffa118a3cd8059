/** What functions of a user's give while a graph is captured. */
import { isRecord } from '../../vocabulary/own-definitions.ts'
import { printShape } from '../../vocabulary/shape.ts'
import type { Value } from './graph-builder.ts'

/** Whether it is a value of the graph. */
export function isValue(value: unknown): value is Value {
  return isRecord(value) && typeof value['id'] === 'number' && Array.isArray(value['shape'])
}

/** `f32 [16, 10]`, for messages. */
export function printValue(value: unknown): string {
  if (isValue(value)) return `${value.dtype} ${printShape(value.shape)}`
  return value === undefined ? 'nothing' : `a ${typeof value} that is no value of the graph`
}
