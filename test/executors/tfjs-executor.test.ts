import { spawnSync } from 'node:child_process'
import * as tf from '@tensorflow/tfjs-core'
import t from 'tap'
import { roundedToBf16 } from '../../src/engine/executors/tfjs/bf16-rounding.ts'
import { filterGradientByKernel, filterGradientByProduct } from '../../src/engine/executors/tfjs/convolution-kernels.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { layOutState } from '../../src/engine/graph/state-layout.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { roundToBf16 } from '../../src/vocabulary/dtype.ts'
import { difference, differences, distanceOfScale } from '../support/compare-tensors.ts'
import { normals } from '../support/random-tensors.ts'
import { outputElements, runProgram, splitOutputs } from '../support/run-program.ts'
import { runReplicas } from '../support/run-replicas.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'

t.setTimeout(120_000)
const executor = await tfjsExecutor('cpu')
const EXACT = { relative: 0, scale: 0 }
const SCALARS = Float32Array.of(0.1, 0.5)

t.test('a run leaves no tensors behind, nor does one that fails', (t) => {
  const specification = smallOne({ batch: 2 })
  const step = captureTrainingStep(specification)
  const memory = { state: drawnState(step), exchange: new SharedArrayBuffer(0) }
  const compiled = executor.compile(step.program, step.layout, memory, { replica: 0, replicas: 1, cores: [0] })
  const outputs = new Float32Array(outputElements(step.program))
  const inputs = { ...smallBatch(specification), scalars: SCALARS }
  const before = tf.memory()
  for (let run = 0; run < 3; run++) {
    compiled.run(inputs, outputs)
    t.equal(tf.memory().numTensors, before.numTensors, `tensors after run ${run}`)
    t.equal(tf.memory().numBytes, before.numBytes, `bytes after run ${run}`)
  }
  const short = new Float32Array(outputs.length - 1)
  t.throws(() => compiled.run(inputs, short), /Expected \d+ outputs for program train but received \d+/)
  const fewPixels = { ...inputs, images: inputs.images.subarray(1) }
  t.throws(() => compiled.run(fewPixels, outputs), /Expected 378 pixels for program train but received 377/)
  t.equal(tf.memory().numTensors, before.numTensors)
  compiled.dispose()
  t.throws(() => compiled.run(inputs, outputs), /disposed/)
  t.end()
})

t.test('rounding to bf16 is that of the vocabulary', (t) => {
  const special = [0, -0, 1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1.00390625000001, 3.4e38, -3.4e38, 1e-40, 2 ** -133]
  const values = Float32Array.of(...special, Infinity, -Infinity, Number.NaN, ...normals(1000, 1, 1))
  const rounded = roundedToBf16(values)
  values.forEach((value, place) => {
    if (!Object.is(rounded[place], roundToBf16(value))) t.fail(`${value} became ${rounded[place]}`)
  })
  t.not(rounded[3], values[3], 'a value between two bf16 numbers is rounded')
  t.equal(rounded[3], 1, 'half way goes to the even one')
  t.equal(rounded[4], 1 + 2 ** -6, 'half way goes to the even one above too')
  t.end()
})

t.test("the filter's gradient by a product is that of TensorFlow.js' own kernel", (t) => {
  for (const stride of [1, 2]) {
    const [height, width] = [7, 6]
    const [outHeight, outWidth] = [Math.floor((height - 3) / stride) + 1, Math.floor((width - 3) / stride) + 1]
    const x = tf.tensor(normals(2 * height * width * 3, 2, 0), [2, height, width, 3])
    const dy = tf.tensor(normals(2 * outHeight * outWidth * 5, 2, 1), [2, outHeight, outWidth, 5])
    const [product, kernel] = [filterGradientByProduct, filterGradientByKernel].map((gradient) =>
      gradient(x, dy, [3, 3, 3, 5], stride).dataSync<'float32'>(),
    )
    t.equal(difference(product ?? [], kernel ?? [], { relative: 1e-5, scale: 1e-6 }), null, `stride ${stride}`)
  }
  t.end()
})

t.test('two replicas average the gradients of their halves, and update the one state', async (t) => {
  const specification = smallOne({ batch: 3 })
  const step = captureTrainingStep(specification, { gradients: true })
  const { images, labels } = smallBatch(smallOne({ batch: 6 }))
  const shares = [0, 1].map((half) => ({
    images: images.slice((half * images.length) / 2, ((half + 1) * images.length) / 2),
    labels: labels.slice(half * 3, half * 3 + 3),
    scalars: SCALARS,
  }))
  const state = drawnState(step)
  const before = tensorsOf(step.layout, state)
  const answers = await runReplicas(executor, step.program, step.layout, state, shares)
  const both = answers.map((answer) => {
    if (answer.kind === 'failed') throw new Error(answer.message)
    return splitOutputs(step.program, answer.outputs)
  })
  const alone = shares.map((share) =>
    runProgram(executor, step.program, { ...share, scalars: [...SCALARS], layout: step.layout, state: before }),
  )
  for (const { name } of step.program.outputs.filter(({ name }) => name.startsWith('gradient.'))) {
    const [first = new Float32Array(), second = new Float32Array()] = alone.map(({ outputs }) => outputs.get(name))
    const mean = first.map((value, place) => Math.fround(value + (second[place] ?? 0)) / 2)
    both.forEach((outputs, replica) => {
      t.equal(difference(outputs.get(name) ?? [], mean, EXACT), null, `${name} of replica ${replica}`)
    })
  }
  t.not(both[0]?.get('loss')?.[0], both[1]?.get('loss')?.[0], 'each replica says the loss of its own images')

  const after = tensorsOf(step.layout, state)
  const running = 'bn1.running_mean'
  const [left = new Float32Array(), right = new Float32Array()] = alone.map((run) => run.state.get(running))
  const meanOfRunning = left.map((value, place) => (value + (right[place] ?? 0)) / 2)
  t.ok(distanceOfScale(after.get(running) ?? [], meanOfRunning) < 1e-6, 'running averages are the mean over replicas')
  t.ok(distanceOfScale(after.get('conv1.weight') ?? [], before.get('conv1.weight') ?? []) > 1e-3, 'weights moved')

  const again = drawnState(step)
  await runReplicas(executor, step.program, step.layout, again, shares)
  t.same(differences(tensorsOf(step.layout, again), after, EXACT), [], 'and bit for bit the same a second time')
})

t.test('a replica that fails does not leave the others waiting', async (t) => {
  const specification = smallOne({ batch: 2 })
  const step = captureTrainingStep(specification)
  const state = drawnState(step)
  const inputs = { ...smallBatch(specification), scalars: SCALARS }
  const before = tensorsOf(step.layout, state)
  const answers = await runReplicas(executor, step.program, step.layout, state, [
    inputs,
    { ...inputs, images: inputs.images.subarray(1) },
  ])
  t.match(answers[0], { kind: 'failed', message: /all replicas to take part but one of them failed/ })
  t.match(answers[1], { kind: 'failed', message: /Expected 378 pixels/ })
  t.same(differences(tensorsOf(step.layout, state), before, EXACT), [], 'the state is as it was')
})

t.test('state of another shape is refused', (t) => {
  const graph = new GraphBuilder(1)
  const x = graph.state('x', [2, 3])
  const program = graph.finish('odd', [{ name: 'y', value: graph.applyOne('Softmax', [x], {}) }])
  const layout = layOutState([], [{ name: 'x', shape: [3, 2] }])
  const memory = { state: new SharedArrayBuffer(layout.elements * 4), exchange: new SharedArrayBuffer(0) }
  const compile = () => executor.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
  t.throws(compile, /Expected x in the layout to be \[2, 3\] but received \[3, 2\]/)
  t.end()
})

t.test('TensorFlow.js prints nothing of its own', (t) => {
  const code = `
    const { tfjsExecutor } = await import(${JSON.stringify(new URL('../../src/engine/executors/tfjs/tfjs-executor.js', import.meta.url))})
    await tfjsExecutor('cpu')
    const tf = await import('@tensorflow/tfjs-core')
    tf.add(1, 2).dataSync()
  `
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    cwd: new URL('../../../', import.meta.url),
  })
  t.same({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  t.end()
})
