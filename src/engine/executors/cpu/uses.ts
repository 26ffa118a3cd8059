import type { Program, ProgramNode, ValueId } from '../../graph/program.ts'

/** Who makes and who reads the values of a program. */
export interface Uses {
  readonly producer: ReadonlyMap<ValueId, ProgramNode>
  /** Nodes that read a value, in order. */
  readonly readers: ReadonlyMap<ValueId, readonly ProgramNode[]>
  /** Values that must be there at the end. */
  readonly kept: ReadonlySet<ValueId>
}

export function findUses(program: Program): Uses {
  const producer = new Map<ValueId, ProgramNode>()
  const readers = new Map<ValueId, ProgramNode[]>()
  for (const node of program.nodes) {
    for (const id of node.outputs) producer.set(id, node)
    for (const id of node.inputs) {
      const known = readers.get(id)
      if (known === undefined) readers.set(id, [node])
      else known.push(node)
    }
  }
  const kept = new Set([...program.outputs, ...program.updates].map(({ value }) => value))
  return { producer, readers, kept }
}

/** Whether one node reads a value, once, and nobody asks for it at the end. */
export function isReadOnce({ readers, kept }: Uses, value: ValueId): boolean {
  return !kept.has(value) && readers.get(value)?.length === 1
}
