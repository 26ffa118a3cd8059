/** Exports to ONNX in the runtimes that people have: ONNX's checker and onnxruntime in Python, onnxruntime-node. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { foldBatchNorm, NOTHING_FOLDED } from '../../src/deploy/lowering/fold-batch-norm.ts'
import { lowerToOnnx } from '../../src/deploy/onnx/lower-program.ts'
import { encodeModel } from '../../src/deploy/onnx/onnx-model.ts'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { difference } from '../support/compare-tensors.ts'
import { DRAWN_INPUT, drawnModels, drawnPixels, IMAGES, logitsOf, SIDE } from './drawn-models.ts'

/** `npm run test:deploy` fills it: python/ is an environment, node_modules/ has onnxruntime-node. */
const FOLDER = process.env['NATIVE_ENSEMBLE_DEPLOY']
const SCRIPT = fileURLToPath(new URL('../../../scripts/deploy/run_onnx.py', import.meta.url))

t.setTimeout(900_000)

interface Ort {
  readonly InferenceSession: {
    create(path: string): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>
    }>
  }
  readonly Tensor: new (type: string, data: Float32Array | Uint8Array, dims: readonly number[]) => unknown
}

interface Case {
  readonly name: string
  readonly path: string
  readonly input: 'uint8' | 'float32'
  readonly wanted: readonly number[]
}

const skip =
  FOLDER === undefined || !existsSync(join(FOLDER, 'node_modules/onnxruntime-node'))
    ? 'npm run test:deploy installs the runtimes and tests with them'
    : false
if (skip !== false) process.stderr.write(`SKIPPED: ${skip}\n`)

t.test(
  'logits of every network and ensemble, batch norm folded or not, from pixels or normalised',
  { skip },
  async (t) => {
    const folder = t.testdir()
    const cases = writeCases(folder)
    await t.test('onnx.checker and onnxruntime in Python', async (t) => {
      const python = join(FOLDER ?? '', 'python/bin/python')
      const list = join(folder, 'cases.json')
      const images = Array.from(drawnPixels())
      writeFileSync(list, JSON.stringify({ cases, images, shape: [IMAGES, SIDE, SIDE, 3], ...DRAWN_INPUT }))
      const { stdout } = await promisify(execFile)(python, [SCRIPT, list], { maxBuffer: 1 << 26 })
      const results: Record<string, { logits: number[]; first: number[]; opset: number }> = JSON.parse(stdout)
      for (const { name, wanted } of cases) {
        const result = results[name]!
        t.equal(difference(result.logits, wanted, { relative: 0, scale: 1e-4 }), null, name)
        const one = wanted.slice(0, wanted.length / IMAGES)
        t.equal(difference(result.first, one, { relative: 0, scale: 1e-4 }), null, `${name}, a batch of one`)
        t.equal(result.opset, 17)
      }
    })
    await t.test('onnxruntime-node', async (t) => {
      // It has no types where it is not installed: this cast is the border.
      const ort = createRequire(join(FOLDER ?? '', 'package.json'))('onnxruntime-node') as Ort
      for (const { name, path, input, wanted } of cases) {
        const session = await ort.InferenceSession.create(path)
        const tensor =
          input === 'uint8'
            ? new ort.Tensor('uint8', drawnPixels(), [IMAGES, SIDE, SIDE, 3])
            : new ort.Tensor('float32', normalised(), [IMAGES, 3, SIDE, SIDE])
        const { logits } = await session.run({ images: tensor })
        t.equal(difference(logits!.data, wanted, { relative: 0, scale: 1e-4 }), null, name)
      }
    })
  },
)

function writeCases(folder: string): Case[] {
  const executor = cpuExecutor()
  mkdirSync(folder, { recursive: true })
  return drawnModels().flatMap((model, place) => {
    const wanted = Array.from(logitsOf(model, executor))
    return ([false, true] as const).flatMap((fold) =>
      (['uint8', 'float32'] as const).map((input): Case => {
        const program = model.capture(1)
        const folded = fold ? foldBatchNorm(program, model.tensors) : NOTHING_FOLDED
        const graph = lowerToOnnx(program, { ...model, folded }, input)
        const parts = encodeModel({ ...graph, name: model.name, producerVersion: 'test', metadata: { classes: '[]' } })
        const path = join(folder, `${place}-${input}${fold ? '-folded' : ''}.onnx`)
        writeFileSync(path, Buffer.concat(parts))
        return { name: `${model.name}, ${input}${fold ? ', folded' : ''}`, path, input, wanted }
      }),
    )
  })
}

/** The pixels as f32 [IMAGES, 3, SIDE, SIDE]. */
function normalised(): Float32Array {
  const pixels = drawnPixels()
  const { mean, std } = DRAWN_INPUT
  const area = SIDE * SIDE
  return Float32Array.from(pixels, (_, at) => {
    const [image, channel, pixel] = [Math.floor(at / (3 * area)), Math.floor(at / area) % 3, at % area]
    return (pixels[(image * area + pixel) * 3 + channel]! / 255 - mean[channel]!) / std[channel]!
  })
}
