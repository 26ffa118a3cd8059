import t from 'tap'
import { findState, viewState } from '../../src/engine/graph/state-layout.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { drawInitialState } from '../../src/engine/networks/initial-weights.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { smallOne } from '../support/small-steps.ts'

const { layout, parameters } = captureTrainingStep(smallOne({ batch: 2 }))

function drawn(seed: number): SharedArrayBuffer {
  const state = new SharedArrayBuffer(layout.elements * 4)
  new Float32Array(state).fill(99)
  drawInitialState(parameters, layout, state, seed)
  return state
}

const tensor = (state: SharedArrayBuffer, name: string) => viewState(findState(layout, name), state)

t.test('convolutions are N(0, sqrt(2 / (k k out)))', (t) => {
  const weights = tensor(drawn(1), 'branches.1.layer3.0.conv2.weight')
  const mean = weights.reduce((sum, value) => sum + value, 0) / weights.length
  const variance = weights.reduce((sum, value) => sum + (value - mean) ** 2, 0) / weights.length
  const std = Math.sqrt(2 / (3 * 3 * 64))
  // Four standard errors of 36,864 draws.
  t.ok(Math.abs(mean) < (4 * std) / Math.sqrt(weights.length), `mean ${mean}`)
  t.ok(Math.abs(Math.sqrt(variance) / std - 1) < 4 / Math.sqrt(2 * weights.length), `std ${Math.sqrt(variance)}`)
  t.end()
})

t.test('linear layers are U(+-1 / sqrt(in)), batch norms begin as identity', (t) => {
  const state = drawn(1)
  for (const name of ['branches.0.fc.weight', 'branches.0.fc.bias', 'gate.fc.weight']) {
    const bound = 1 / Math.sqrt(name.startsWith('gate') ? 32 : 64)
    const values = tensor(state, name)
    t.ok(
      values.every((value) => Math.abs(value) <= bound),
      `${name} within its bound`,
    )
    t.ok(Math.max(...values) > 0.5 * bound && Math.min(...values) < -0.5 * bound, `${name} on both sides`)
  }
  const constants = { weight: 1, bias: 0, running_mean: 0, running_var: 1 }
  for (const [part, value] of Object.entries(constants)) {
    t.ok(
      tensor(state, `layer1.0.bn1.${part}`).every((element) => element === value),
      `${part} is ${value}`,
    )
  }
  t.ok(
    tensor(state, 'momentum.conv1.weight').every((element) => element === 0),
    'momentum is zero',
  )
  t.end()
})

t.test("classifiers begin as their networks' references have them", (t) => {
  const values = (network: string, name: string) => {
    const small = smallOne({ batch: 2 })
    const input = { ...small.input, height: 32, width: 32 }
    const captured = captureTrainingStep({ ...small, input, network: findNetwork(network, 'auto'), method: vanilla() })
    const state = new SharedArrayBuffer(captured.layout.elements * 4)
    drawInitialState(captured.parameters, captured.layout, state, 1)
    return viewState(findState(captured.layout, name), state)
  }
  const weights = values('mobilenet-v2', 'classifier.1.weight')
  const std = Math.sqrt(weights.reduce((sum, value) => sum + value ** 2, 0) / weights.length)
  t.ok(Math.abs(std / 0.01 - 1) < 4 / Math.sqrt(2 * weights.length), `torchvision's N(0, 0.01), and ${std}`)
  for (const [network, bias] of [
    ['mobilenet-v2', 'classifier.1.bias'],
    ['vgg-11-bn', 'classifier.bias'],
    ['wrn-10-1', 'fc.bias'],
  ] as const) {
    t.ok(
      values(network, bias).every((value) => value === 0),
      `${network} has no bias yet`,
    )
  }
  t.end()
})

t.test('a seed gives the same state, another seed another, and branches differ', (t) => {
  t.same(Buffer.from(drawn(7)), Buffer.from(drawn(7)))
  t.not(tensor(drawn(7), 'conv1.weight')[0], tensor(drawn(8), 'conv1.weight')[0])
  const state = drawn(7)
  const [one, other] = [0, 1].map((branch) => tensor(state, `branches.${branch}.layer3.0.conv1.weight`))
  t.not(one?.[0], other?.[0])
  t.end()
})
