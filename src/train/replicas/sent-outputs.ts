import { type Program, typeOf } from '../../engine/graph/program.ts'
import { elementCount } from '../../vocabulary/shape.ts'

/** What the scores of a classifier [batch, classes] are called in the evaluation program. */
export const LOGITS = 'logits.'

/** One output of a program, as a replica tells it. */
export interface ToldOutput {
  readonly name: string
  /** How many numbers are told. */
  readonly count: number
  /** Whether they are the class with the largest score of each row, of a classifier's scores; else the output itself. */
  readonly predicts: boolean
}

/** What a replica tells of each output: scores stay where they are, a message would be long. */
export function toldOutputs(program: Program): ToldOutput[] {
  return program.outputs.map(({ name, value }) => {
    const { shape } = typeOf(program, value)
    const [rows = 0] = shape
    return name.startsWith(LOGITS)
      ? { name, count: rows, predicts: true }
      : { name, count: elementCount(shape), predicts: false }
  })
}

/** @returns what is told of a run's outputs, in their order */
export function outputSender(program: Program): (outputs: Float32Array) => Float32Array {
  const told = toldOutputs(program)
  if (told.every(({ predicts }) => !predicts)) return (outputs) => outputs
  const sizes = program.outputs.map(({ value }) => elementCount(typeOf(program, value).shape))
  const values = new Float32Array(told.reduce((sum, { count }) => sum + count, 0))
  return (outputs) => {
    let [from, to] = [0, 0]
    for (const [place, { count, predicts }] of told.entries()) {
      const size = sizes[place] ?? 0
      const output = outputs.subarray(from, from + size)
      const classes = size / count
      if (!predicts) values.set(output, to)
      else for (let row = 0; row < count; row++) values[to + row] = largest(output, row * classes, (row + 1) * classes)
      from += size
      to += count
    }
    return values
  }
}

/** Place, from `begin`, of the largest value; the first of several. */
function largest(values: Float32Array, begin: number, end: number): number {
  let best = begin
  for (let at = begin + 1; at < end; at++) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at
  return best - begin
}
