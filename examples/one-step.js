// The engine by itself: one training step is captured as a graph, compiled, and run on images made up here.
// `node examples/one-step.js [steps]`
import {
  captureTrainingStep,
  createExecutor,
  drawInitialState,
  findNetwork,
  findState,
  one,
  sgd,
  viewState,
} from 'native-ensemble/engine'

const [steps = '20'] = process.argv.slice(2)
const [batch, classes, side] = [16, 4, 32]

// Capture: plain data, which any executor compiles.
const step = captureTrainingStep({
  network: findNetwork('resnet-8', 'auto'),
  method: one({ branches: 2, temperature: 3 }),
  classes,
  batch,
  dtype: 'f32',
  input: { height: side, width: side, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
})
console.log(`${step.program.nodes.length} operations, ${step.layout.elements} numbers of state`)

// Compile for one replica on core 0. State and exchange are memory that replicas in other threads would share.
const executor = await createExecutor({ name: 'cpu' })
executor.check(step.program)
const memory = {
  state: new SharedArrayBuffer(4 * step.layout.elements),
  exchange: new SharedArrayBuffer(executor.exchangeBytes([step.program], step.layout, 1)),
}
drawInitialState(step.parameters, step.layout, memory.state, 1)
const compiled = executor.compile(step.program, step.layout, memory, { replica: 0, replicas: 1, cores: [0] })

// Images whose brightness is their class.
const labels = Int32Array.from({ length: batch }, (_, image) => image % classes)
const images = new Uint8Array(batch * side * side * 3)
labels.forEach((label, image) => images.fill(40 + 50 * label, image * side * side * 3, (image + 1) * side * side * 3))
/** @type {Readonly<Record<string, number>>} */
const rates = { learning_rate: 0.05, distillation_weight: 1 }
const scalars = Float32Array.from(step.program.scalars, ({ name }) => rates[name] ?? 0)

const outputs = new Float32Array(step.outputs.length)
for (let count = 1; count <= Number(steps); count++) {
  compiled.run({ images, labels, scalars }, outputs)
  console.log(`step ${count}: loss ${outputs[0]?.toFixed(4)}`)
}
console.log(viewState(findState(step.layout, 'conv1.weight'), memory.state).subarray(0, 3))
compiled.dispose()
