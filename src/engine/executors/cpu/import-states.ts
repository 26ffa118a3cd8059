import type { Program, ProgramNode, ValueId } from '../../graph/program.ts'
import { typeOf } from '../../graph/program.ts'
import { rowPlaces } from './lower-node.ts'
import { findHomes, type Home } from './storage.ts'

export interface ImportedStates {
  /** The program with a Cast node before each use of a state as rows. */
  readonly program: Program
  /** Values of those nodes, with the state they bring in. */
  readonly imports: ReadonlyMap<ValueId, Extract<Home, { kind: 'state' }>>
}

/**
 * Steps read state as weights and vectors only. A program that feeds state tensors to ops as if they were activations (to
 * try an op on given numbers) gets them copied into the arena first.
 */
export function importStates(program: Program): ImportedStates {
  const homes = findHomes(program)
  const values = [...program.values]
  const nodes: ProgramNode[] = []
  const imports = new Map<ValueId, Extract<Home, { kind: 'state' }>>()
  const imported = new Map<ValueId, ValueId>()

  const bringIn = (id: ValueId, label: string): ValueId => {
    const home = homes.get(id)
    const { shape } = typeOf(program, id)
    if (home?.kind !== 'state' || shape.length < 2) return id
    const known = imported.get(id)
    if (known !== undefined) return known
    const copy = values.push({ shape, dtype: home.dtype }) - 1
    const attributes = { dtype: home.dtype }
    nodes.push({ op: 'Cast', inputs: [id], outputs: [copy], attributes, label, phase: 'forward' })
    imports.set(copy, home)
    imported.set(id, copy)
    return copy
  }

  for (const node of program.nodes) {
    const rows = rowPlaces(node)
    const inputs = node.inputs.map((id, place) => (rows.includes(place) ? bringIn(id, node.label) : id))
    nodes.push({ ...node, inputs })
  }
  const outputs = program.outputs.map(({ name, value }) => {
    const home = homes.get(value)
    return { name, value: home?.kind === 'state' && home.dtype === 'bf16' ? bringIn(value, name) : value }
  })
  return { program: { ...program, values, nodes, outputs }, imports }
}
