import t from 'tap'
import { appendGradients } from '../../src/engine/graph/gradients.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { ACTIVATIONS } from '../../src/engine/graph/ops/activation.ts'
import { Layers } from '../../src/engine/networks/layers.ts'

/** Ops of a convolution, a batch norm with this activation and a loss, forward and backward. */
function capturedOps(activation: (typeof ACTIVATIONS)[number] | null): string[] {
  const graph = new GraphBuilder(2)
  const layers = new Layers(graph, 'f32', true)
  const x = graph.state('x', [2, 3, 4, 4])
  const y = layers.batchNorm('bn1', layers.conv('conv1', x, 5, 3), { activation })
  const logits = layers.linear('fc', layers.globalAveragePool('pool', y), 7)
  const loss = graph.applyOne('CrossEntropy', [logits, graph.labels()], { reduction: 'mean' })
  appendGradients(graph, loss, [graph.state('conv1.weight', [5, 3, 3, 3])])
  return graph.nodes.flatMap(({ op, attributes }) => {
    if (op === 'BatchNorm' || op === 'BatchNormGrad') return [`${op} ${attributes.activation}`]
    if (op === 'Activation' || op === 'ActivationGrad') return [`${op} ${attributes.function}`]
    return []
  })
}

t.test('batch norm takes up rectifiers; other activations are ops behind it', (t) => {
  const wanted = {
    relu: ['BatchNorm relu', 'BatchNormGrad relu'],
    relu6: ['BatchNorm relu6', 'BatchNormGrad relu6'],
    silu: ['BatchNorm null', 'Activation silu', 'ActivationGrad silu', 'BatchNormGrad null'],
    gelu: ['BatchNorm null', 'Activation gelu', 'ActivationGrad gelu', 'BatchNormGrad null'],
  }
  for (const activation of ACTIVATIONS) t.same(capturedOps(activation), wanted[activation], activation)
  t.same(capturedOps(null), ['BatchNorm null', 'BatchNormGrad null'])
  t.end()
})
