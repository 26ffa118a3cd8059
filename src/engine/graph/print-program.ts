import { type Program, type ProgramNode, typeOf, type ValueId } from './program.ts'

/**
 * The program as text, a line a node: `%12 f32[2, 16, 32, 32] = Conv2D(%10, %3) stride=1 padding=1 groups=1 @ layer1.0.conv1`.
 * Values are numbered in order of appearance, so equal programs print equally.
 */
export function printProgram(program: Program): string {
  const names = new Map<ValueId, string>()
  const define = (id: ValueId, name = `%${names.size}`) => {
    names.set(id, name)
    const { dtype, shape } = typeOf(program, id)
    return `${name} ${dtype}[${shape.join(', ')}]`
  }
  const use = (id: ValueId) => names.get(id) ?? `?${id}`
  const lines = [`program ${program.name}, batch ${program.batch}`]
  if (program.images !== null) lines.push(`  images ${define(program.images)}`)
  if (program.labels !== null) lines.push(`  labels ${define(program.labels)}`)
  for (const { name, value } of program.scalars) lines.push(`  scalar ${define(value)} = ${name}`)
  for (const { name, value } of program.states) lines.push(`  state ${define(value)} = ${name}`)
  let phase = ''
  for (const node of program.nodes) {
    if (node.phase !== phase) lines.push(`${node.phase}:`)
    phase = node.phase
    lines.push(`  ${printNode(node, define, use)}`)
  }
  for (const { name, value } of program.updates) lines.push(`  update ${name} <- ${use(value)}`)
  for (const { name, value } of program.outputs) lines.push(`  output ${name} = ${use(value)}`)
  return lines.join('\n')
}

function printNode(node: ProgramNode, define: (id: ValueId) => string, use: (id: ValueId) => string): string {
  const inputs = node.inputs.map(use).join(', ')
  const attributes = Object.entries(node.attributes).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
  const outputs = node.outputs.map((id) => define(id)).join(', ')
  return `${outputs} = ${node.op}(${inputs})${attributes.join('')} @ ${node.label}`
}
