import { printShape, sameShape } from '../../vocabulary/shape.ts'
import { type Program, typeOf, type ValueId } from './program.ts'

/**
 * Checks what every executor relies on: each value is written once and before it is read, and each update has its
 * state's type.
 * @throws Error naming the node or state at fault (a mistake of ours, never of the user's)
 */
export function checkProgram(program: Program): void {
  const inputs = [...program.scalars, ...program.states].map(({ value }) => value)
  const written = new Set<ValueId>(inputs)
  if (program.images !== null) written.add(program.images)
  if (program.labels !== null) written.add(program.labels)
  for (const node of program.nodes) {
    const where = `${node.op} of layer ${node.label} in program ${program.name}`
    for (const id of node.inputs) {
      if (!written.has(id)) throw new Error(`Expected a written value for ${where} but received %${id} before its node`)
    }
    for (const id of node.outputs) {
      if (written.has(id)) throw new Error(`Expected a new value from ${where} but received %${id} a second time`)
      written.add(id)
    }
  }
  for (const { name, value } of [...program.updates, ...program.outputs]) {
    if (!written.has(value)) throw new Error(`Expected a written value for ${name} but received %${value}`)
  }
  for (const { name, value } of program.updates) {
    const state = program.states.find((candidate) => candidate.name === name)
    const type = typeOf(program, value)
    const before = state === undefined ? null : typeOf(program, state.value)
    if (before === null || before.dtype !== type.dtype || !sameShape(before.shape, type.shape)) {
      const received = `${type.dtype} ${printShape(type.shape)}`
      throw new Error(`Expected the state's own type for the update of ${name} but received ${received}`)
    }
  }
}
