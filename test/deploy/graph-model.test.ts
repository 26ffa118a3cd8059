/** Exports to TensorFlow.js, run by its own loader, against the program that they were made of. */

import { loadGraphModel } from '@tensorflow/tfjs-converter'
import * as tf from '@tensorflow/tfjs-core'
import t from 'tap'
import type { ExportedFile } from '../../src/deploy/export/write-export.ts'
import { foldBatchNorm, NOTHING_FOLDED } from '../../src/deploy/lowering/fold-batch-norm.ts'
import { graphModelFiles, lowerToGraphModel } from '../../src/deploy/tfjs/graph-model.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { difference } from '../support/compare-tensors.ts'
import { drawnModels, drawnPixels, IMAGES, logitsOf, SIDE } from './drawn-models.ts'

t.setTimeout(300_000)

const executor = await tfjsExecutor('cpu')
// Kernels in JavaScript take a minute for the other networks, whose operations these have.
const models = drawnModels().filter(({ name }) => /^(resnet|densenet|wrn|other|ensemble)/.test(name))

/** As tf.loadGraphModel gets them from a server. */
async function load(files: readonly ExportedFile[]) {
  const bytes = new Map(files.map(({ name, parts }) => [name, Buffer.concat(parts.map((part) => Buffer.from(part)))]))
  const json = JSON.parse(bytes.get('model.json')!.toString())
  const [{ paths, weights }] = json.weightsManifest
  const data = Buffer.concat(paths.map((path: string) => bytes.get(path)))
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length)
  return await loadGraphModel({
    load: async () => ({ ...json, weightSpecs: weights, weightData: weightData as ArrayBuffer }),
  })
}

for (const model of models) {
  t.test(model.name, async (t) => {
    const wanted = logitsOf(model, executor)
    t.ok(wanted.every(Number.isFinite))
    for (const fold of [false, true]) {
      const program = model.capture(1)
      const folded = fold ? foldBatchNorm(program, model.tensors) : NOTHING_FOLDED
      if (fold && model.name !== 'densenet-bc-10-4') t.ok(folded.norms.size > 0, 'batch norms are folded')
      const loaded = await load(graphModelFiles(lowerToGraphModel(program, { ...model, folded }), { member: 0 }))
      t.equal(loaded.metadata && 'member' in loaded.metadata ? loaded.metadata.member : null, 0)
      const logits = loaded.predict(tf.tensor(Float32Array.from(drawnPixels()), [IMAGES, SIDE, SIDE, 3]))
      if (!(logits instanceof tf.Tensor)) throw new Error('Expected one output')
      t.equal(difference(logits.dataSync(), wanted, { relative: 0, scale: 1e-5 }), null, fold ? 'folded' : 'as it is')
      loaded.dispose()
    }
  })
}

t.test('an operation that is not written is refused', async (t) => {
  const [model] = models
  const program = model!.capture(1)
  const nodes = program.nodes.map((node) =>
    node.op === 'GlobalAveragePool' ? { ...node, op: 'TopKCorrect' as const } : node,
  )
  t.throws(
    () => lowerToGraphModel({ ...program, nodes } as typeof program, { ...model!, folded: NOTHING_FOLDED }),
    /Expected operations that TensorFlow\.js is written with for layer avgpool but received TopKCorrect/,
  )
})
