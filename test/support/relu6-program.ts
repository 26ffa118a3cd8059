import type { Program, ProgramNode } from '../../src/engine/graph/program.ts'

/** The same program with relu6 wherever batch norm has relu. */
export function withRelu6(program: Program): Program {
  const nodes = program.nodes.map((node): ProgramNode => {
    switch (node.op) {
      case 'BatchNorm':
        return { ...node, attributes: { ...node.attributes, activation: relu6For(node.attributes.activation) } }
      case 'BatchNormGrad':
        return { ...node, attributes: { ...node.attributes, activation: relu6For(node.attributes.activation) } }
      case 'BatchNormInference':
        return { ...node, attributes: { ...node.attributes, activation: relu6For(node.attributes.activation) } }
      default:
        return node
    }
  })
  return { ...program, nodes }
}

/** Scales of batch norms `by` times as large, so that many elements come to relu6's bound. */
export function withWideNorms(state: ReadonlyMap<string, Float32Array>, by: number): Map<string, Float32Array> {
  const isScale = (name: string) => /(bn\d|downsample\.1|norm\d?)\.weight$/.test(name) && !name.includes('momentum')
  return new Map([...state].map(([name, data]) => [name, isScale(name) ? data.map((value) => by * value) : data]))
}

function relu6For<T>(activation: T): T | 'relu6' {
  return activation === null ? activation : 'relu6'
}
