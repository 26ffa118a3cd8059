/** The objective of collaborative learning and its gradients against sums in doubles, written out from the formula. */
import t from 'tap'
import { appendGradients } from '../../src/engine/graph/gradients.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { cl } from '../../src/engine/methods/cl.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import type { Network } from '../../src/engine/networks/network.ts'
import { differences } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import { normals } from '../support/random-tensors.ts'
import { runProgram } from '../support/run-program.ts'

const [BATCH, CLASSES] = [6, 5]
const LABELS = Int32Array.of(0, 4, 2, 2, 1, 3)
const OPTIONS = { alpha: 0.3, temperature: 2 }

function softmax(scores: readonly number[], temperature: number): number[] {
  const powers = scores.map((score) => Math.exp(score / temperature))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/** @param logits of each peer, [B, K] */
function reference(logits: readonly Float32Array[]): Map<string, number[]> {
  const { alpha, temperature: T } = OPTIONS
  const losses = logits.map(() => 0)
  let distillation = 0
  const gradients = logits.map(() => new Array<number>(BATCH * CLASSES).fill(0))
  logits.forEach((own, peer) => {
    for (let image = 0; image < BATCH; image++) {
      const row = (scores: Float32Array) => [...scores.subarray(image * CLASSES, (image + 1) * CLASSES)]
      const others = logits.filter((_, other) => other !== peer).map(row)
      const consensus = row(own).map((_, k) => others.reduce((sum, z) => sum + (z[k] ?? 0), 0) / others.length)
      const [p, soft, hard] = [softmax(consensus, T), softmax(row(own), T), softmax(row(own), 1)]
      const label = LABELS[image] ?? -1
      losses[peer] = (losses[peer] ?? 0) - ((1 - alpha) * Math.log(hard[label] ?? 0)) / BATCH
      for (let k = 0; k < CLASSES; k++) {
        const [pk, qk, hk] = [p[k] ?? 0, soft[k] ?? 0, hard[k] ?? 0]
        distillation += (alpha * T ** 2 * pk * Math.log(pk / qk)) / BATCH
        const fromLabel = (1 - alpha) * (hk - (k === label ? 1 : 0))
        const gradient = gradients[peer] ?? []
        gradient[image * CLASSES + k] = (fromLabel + alpha * T * (qk - pk)) / BATCH
      }
    }
  })
  return new Map([
    ['loss', [losses.reduce((sum, loss) => sum + loss, 0) + distillation]],
    ...losses.map((loss, peer): [string, number[]] => [`cross_entropy.${peer}`, [loss]]),
    ['distillation', [distillation]],
    ...gradients.map((gradient, peer): [string, number[]] => [`d_logits.${peer}`, gradient]),
  ])
}

for (const peers of [2, 3]) {
  t.test(`${peers} peers learn from labels and from the consensus of the others`, (t) => {
    const graph = new GraphBuilder(BATCH)
    const logits = Array.from({ length: peers }, (_, peer) => graph.state(`logits.${peer}`, [BATCH, CLASSES]))
    const networks = logits.map((own): Network => ({ name: 'drawn', trunk: (_, x) => x, branch: () => own }))
    const [target] = networks
    if (target === undefined) throw new Error('Expected a target')
    const images = graph.state('images', [BATCH, 3, 4, 4])
    const method = cl(networks, OPTIONS)
    const predictions = method.capture(new Layers(graph, 'f32', true), target, images, CLASSES)
    const none = () => graph.scalar('learning_rate')
    const { total, parts } = method.objective(graph, predictions, { labels: graph.labels(), shares: null }, none)
    const gradients = appendGradients(graph, total, logits)
    const program = graph.finish('cl', [
      { name: 'loss', value: total },
      ...parts,
      ...gradients.map((value, peer) => ({ name: `d_logits.${peer}`, value })),
    ])
    const drawn = logits.map((_, peer) => normals(BATCH * CLASSES, 11, peer).map((value) => 2 * value))
    const state = new Map(drawn.map((own, peer): [string, Float32Array] => [`logits.${peer}`, own]))
    for (const { name, executor } of executors) {
      const { outputs } = runProgram(executor, program, { state, labels: LABELS })
      t.same(differences(outputs, reference(drawn), { relative: 1e-4, scale: 1e-5 }), [], name)
    }
    t.end()
  })
}

t.test('one network has nobody to learn from', (t) => {
  const alone: Network = { name: 'alone', trunk: (_, x) => x, branch: (_, x) => x }
  t.throws(() => cl([alone], OPTIONS), /Expected at least 2 peers but received 1/)
  t.end()
})
