import t from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { appendGradients } from '../../src/engine/graph/gradients.ts'
import { GraphBuilder, type Value } from '../../src/engine/graph/graph-builder.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import type { ComputeDType } from '../../src/vocabulary/dtype.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'
import { STEP_TOLERANCES, tooFar } from '../support/compare-steps.ts'
import { classes, normals, positives } from '../support/random-tensors.ts'
import { runProgram } from '../support/run-program.ts'

/**
 * Blocks as in MobileNetV2 with all that the executor cpu fuses into convolutions of single channels: batch norms before and
 * behind, forward and backward, and a join's sum of gradients.
 */
const tfjs = await tfjsExecutor('cpu')
const cpu = cpuExecutor()
const BATCH = 5
const CLASSES = 7
/** Goes through a 1x1 convolution into a batch norm alone, so that its gradient is zero but for rounding. */
const VANISHING = 'same.bn3.bias'

/** Expands to 40 channels, so that half a block is padding. */
function invertedResidual(layers: Layers, name: string, x: Value, kernel: number, stride: number): Value {
  return layers.scope(name, () => {
    const expanded = layers.batchNorm('bn1', layers.conv('conv1', x, 40, 1), { activation: 'relu6' })
    const single = layers.conv('conv2', expanded, 40, kernel, { stride, groups: 40 })
    const filtered = layers.batchNorm('bn2', single, { activation: 'relu6' })
    const projected = layers.conv('conv3', filtered, 24, 1)
    const residual = stride === 1 ? { residual: x } : {}
    return layers.batchNorm('bn3', projected, { activation: null, ...residual })
  })
}

function capture(dtype: ComputeDType, training: boolean): Program {
  const graph = new GraphBuilder(BATCH)
  const layers = new Layers(graph, dtype, training)
  const image = graph.state('x', [BATCH, 24, 9, 7])
  let x = dtype === 'f32' ? image : graph.applyOne('Cast', [image], { dtype })
  x = invertedResidual(layers, 'same', x, 3, 1)
  x = invertedResidual(layers, 'smaller', x, 3, 2)
  x = invertedResidual(layers, 'wide', x, 5, 1)
  const logits = layers.linear('fc', layers.globalAveragePool('pool', x), CLASSES)
  const loss = graph.applyOne('CrossEntropy', [logits, graph.labels()], { reduction: 'mean' })
  const outputs = [
    { name: 'logits', value: logits },
    { name: 'loss', value: loss },
  ]
  if (!training) return graph.finish('evaluation', outputs)
  const weights = graph.parameters.filter(({ kind, name }) => kind === 'weight' && name !== VANISHING)
  const values = weights.map(({ value }) => value)
  const gradients = appendGradients(graph, loss, values).map((value, place) => ({
    name: `gradient ${weights[place]?.name}`,
    value,
  }))
  return graph.finish('training', [...outputs, ...gradients])
}

function drawState(program: Program): Map<string, Float32Array> {
  return new Map(
    program.states.map(({ name, value }, stream): [string, Float32Array] => {
      const count = elementCount(program.values[value]?.shape ?? [])
      const isScale = /bn\d\.weight$|running_var$/.test(name)
      const drawn = isScale ? positives(count, 3, stream) : normals(count, 3, stream)
      return [name, /conv\d\.weight$/.test(name) ? drawn.map((weight) => weight / 3) : drawn]
    }),
  )
}

for (const dtype of ['f32', 'bf16'] as const) {
  for (const training of [true, false]) {
    t.test(`${training ? 'training' : 'evaluation'} in ${dtype}`, (t) => {
      const program = capture(dtype, training)
      const inputs = { state: drawState(program), labels: classes(BATCH, CLASSES, 3) }
      const wanted = runProgram(tfjs, program, inputs)
      for (const cores of [[0], [0, 1], [0, 1, 0]]) {
        const actual = runProgram(cpu, program, { ...inputs, cores })
        t.same(tooFar(actual, wanted, STEP_TOLERANCES[dtype]), [], `${cores.length} threads`)
        const again = runProgram(cpu, program, { ...inputs, cores })
        t.same(tooFar(again, actual, 0), [], `${cores.length} threads, again bit for bit`)
      }
      t.end()
    })
  }
}
