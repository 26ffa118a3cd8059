/**
 * The training step of ONE in TensorFlow.js on TensorFlow's kernels (tfjs-node, eager), as a resident process: a line
 * of JSON in, a line of JSON out (docs/baselines.md).
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { serveRequests, unknownMode, WARM_UP_STEPS } from '../../dist/bench/baselines/serve-requests.js'

const MODES = { 'fp32-eager': null }
const STAGE_WIDTHS = [16, 32, 64]
const BATCH_NORM = { epsilon: 1e-5, runningWeight: 0.1 }
const OPTIMISER = { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4 }
const TEMPERATURE = 3

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet-32' },
    side: { type: 'string', default: '32' },
    branches: { type: 'string', default: '3' },
    classes: { type: 'string', default: '100' },
    batch: { type: 'string', default: '128' },
    threads: { type: 'string', default: '2' },
    // Folder with node_modules/@tensorflow/tfjs-node.
    folder: { type: 'string', default: join(import.meta.dirname, '../../.tfjs-node') },
  },
})
const [side, branches, classes, batch] = [values.side, values.branches, values.classes, values.batch].map(Number)
// Read by TensorFlow when it is loaded.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
process.env.TF_NUM_INTRAOP_THREADS ??= values.threads
const tf = createRequire(join(values.folder, 'package.json'))('@tensorflow/tfjs-node')

/** Trained variables by name, and running averages; activations are [batch, height, width, channels]. */
class Network {
  constructor(name) {
    const depth = Number(/^resnet-(\d+)$/.exec(name)?.[1])
    this.blocks = (depth - 2) / 6
    if (!Number.isInteger(this.blocks) || depth >= 44) {
      throw new Error(`Expected resnet-<6n+2> with basic blocks (depth below 44) for the network but received ${name}`)
    }
    this.variables = new Map()
    this.averages = new Map()
  }

  variable(name, initial) {
    if (!this.variables.has(name)) this.variables.set(name, tf.keep(tf.variable(initial(), true, name)))
    return this.variables.get(name)
  }

  convolution(name, x, outputs, kernel, stride) {
    const inputs = x.shape[3]
    const deviation = Math.sqrt(2 / (kernel * kernel * outputs))
    const weight = this.variable(name, () => tf.randomNormal([kernel, kernel, inputs, outputs], 0, deviation))
    // tfjs-node knows no padding by number. `same` has the same sizes and work; at stride 2 it pads one side.
    return tf.conv2d(x, weight, stride, 'same')
  }

  /** Composed of what tfjs has: it knows no training batch norm, only the one for inference. */
  batchNorm(name, x) {
    const channels = x.shape.at(-1)
    const scale = this.variable(`${name}.weight`, () => tf.ones([channels]))
    const shift = this.variable(`${name}.bias`, () => tf.zeros([channels]))
    const axes = x.rank === 4 ? [0, 1, 2] : [0]
    const { mean, variance } = tf.moments(x, axes)
    this.updateAverage(`${name}.running_mean`, mean, 1)
    const count = axes.reduce((product, axis) => product * x.shape[axis], 1)
    this.updateAverage(`${name}.running_var`, variance, count / (count - 1))
    return tf.batchNorm(x, mean, variance, shift, scale, BATCH_NORM.epsilon)
  }

  updateAverage(name, value, correction) {
    const weight = BATCH_NORM.runningWeight
    if (!this.averages.has(name)) this.averages.set(name, tf.keep(tf.variable(tf.zerosLike(value), false, name)))
    const average = this.averages.get(name)
    average.assign(average.mul(1 - weight).add(value.mul(weight * correction)))
  }

  block(name, x, width, stride) {
    const inner = tf.relu(this.batchNorm(`${name}.bn1`, this.convolution(`${name}.conv1`, x, width, 3, stride)))
    const outer = this.batchNorm(`${name}.bn2`, this.convolution(`${name}.conv2`, inner, width, 3, 1))
    const changes = stride !== 1 || x.shape[3] !== width
    const shortcut = changes
      ? this.batchNorm(`${name}.downsample.1`, this.convolution(`${name}.downsample.0`, x, width, 1, stride))
      : x
    return tf.relu(tf.add(outer, shortcut))
  }

  stage(name, x, index) {
    let y = x
    for (let k = 0; k < this.blocks; k++)
      y = this.block(`${name}.${k}`, y, STAGE_WIDTHS[index], k === 0 && index > 0 ? 2 : 1)
    return y
  }

  linear(name, x, outputs) {
    const inputs = x.shape[1]
    const bound = 1 / Math.sqrt(inputs)
    const weight = this.variable(`${name}.weight`, () => tf.randomUniform([inputs, outputs], -bound, bound))
    const bias = this.variable(`${name}.bias`, () => tf.randomUniform([outputs], -bound, bound))
    return tf.add(tf.matMul(x, weight), bias)
  }

  classifier(prefix, shared) {
    return this.linear(`${prefix}fc`, tf.mean(this.stage(`${prefix}layer3`, shared, 2), [1, 2]), classes)
  }

  /** Logits of each branch [batch, classes], and the gated sum of them (null for one branch). */
  predict(images) {
    const stem = tf.relu(this.batchNorm('bn1', this.convolution('conv1', images, STAGE_WIDTHS[0], 3, 1)))
    const shared = this.stage('layer2', this.stage('layer1', stem, 0), 1)
    if (branches === 1) return { logits: [this.classifier('', shared)], teacher: null }
    const scores = this.batchNorm('gate.bn', this.linear('gate.fc', tf.mean(shared, [1, 2]), branches))
    const gate = tf.split(tf.softmax(tf.relu(scores)), branches, 1)
    const logits = gate.map((_, branch) => this.classifier(`branches.${branch}.`, shared))
    return { logits, teacher: tf.addN(logits.map((values, branch) => tf.mul(values, gate[branch]))) }
  }
}

/** No gradient passes. */
const detach = tf.customGrad((x) => ({ value: x.clone(), gradFunc: (dy) => tf.zerosLike(dy) }))

/** sum_i CE(z_i, y) + CE(z_teacher, y) + T^2 sum_i KL(p_teacher || p_i). */
function objective({ logits, teacher }, labels) {
  const crossEntropy = (values) => tf.losses.softmaxCrossEntropy(labels, values)
  const terms = logits.map(crossEntropy)
  if (teacher !== null) {
    const soft = tf.logSoftmax(tf.div(detach(teacher), TEMPERATURE))
    const divergence = (values) =>
      tf.mean(tf.sum(tf.mul(tf.exp(soft), tf.sub(soft, tf.logSoftmax(tf.div(values, TEMPERATURE)))), 1))
    terms.push(crossEntropy(teacher), ...logits.map((values) => tf.mul(divergence(values), TEMPERATURE ** 2)))
  }
  return tf.addN(terms)
}

function buildStep() {
  const network = new Network(values.network)
  const images = tf.randomNormal([batch, side, side, 3])
  const labels = tf.oneHot(tf.randomUniform([batch], 0, classes, 'int32'), classes).toFloat()
  const optimiser = tf.train.momentum(OPTIMISER.learningRate, OPTIMISER.momentum, true)
  tf.tidy(() => {
    network.predict(images)
  })
  const trained = [...network.variables.values()]
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => objective(network.predict(images), labels), trained)
      for (const [name, gradient] of Object.entries(grads)) {
        grads[name] = tf.add(gradient, tf.mul(network.variables.get(name), OPTIMISER.weightDecay))
      }
      optimiser.applyGradients(grads)
      return value.dataSync()[0]
    })
}

let step = null

function answer(request) {
  if ('modes' in request)
    return {
      modes: Object.keys(MODES),
      versions: { 'tfjs-node': tf.version['tfjs-node'], tensorflow: tf.backend().binding.TF_Version },
    }
  if (!Object.hasOwn(MODES, request.measure)) return unknownMode(MODES, request.measure)
  if (step === null) {
    step = buildStep()
    for (let k = 0; k < WARM_UP_STEPS; k++) step()
  }
  const ms = []
  let loss = step() // uncounted: the caches hold another baseline's data
  for (let k = 0; k < request.steps; k++) {
    const begin = performance.now()
    loss = step()
    ms.push(performance.now() - begin)
  }
  return { mode: request.measure, ms, loss, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

await serveRequests(answer)
