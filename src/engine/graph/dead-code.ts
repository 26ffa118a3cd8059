import type { Program, ValueId } from './program.ts'

/** The program without the nodes whose results nothing reads; values keep their ids. */
export function removeDeadNodes(program: Program): Program {
  const needed = new Set<ValueId>([...program.updates, ...program.outputs].map(({ value }) => value))
  const kept = [...program.nodes].reverse().filter((node) => {
    if (!node.outputs.some((id) => needed.has(id))) return false
    for (const id of node.inputs) needed.add(id)
    return true
  })
  return {
    ...program,
    nodes: kept.reverse(),
    images: program.images !== null && needed.has(program.images) ? program.images : null,
    labels: program.labels !== null && needed.has(program.labels) ? program.labels : null,
    states: program.states.filter(({ value }) => needed.has(value)),
  }
}
