import t from 'tap'
import { cpuExecutor } from '../../../src/engine/executors/cpu/cpu-executor.ts'
import { tfjsExecutor } from '../../../src/engine/executors/tfjs/tfjs-executor.ts'
import type { ComputeDType } from '../../../src/vocabulary/dtype.ts'
import { differences, type Tolerance } from '../../support/compare-tensors.ts'
import { captureOpCase, OP_CASES } from '../../support/op-cases.ts'
import { runProgram } from '../../support/run-program.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

/** Every operation and its gradient on XLA's CPU plugin against TensorFlow.js in JavaScript and against oneDNN. */
const TOLERANCES: Readonly<Record<ComputeDType, Tolerance>> = {
  f32: { relative: 1e-5, scale: 1e-5 },
  // Each rounds once: sums on two sides of the middle between two bf16 numbers are one of them apart.
  bf16: { relative: 2 ** -7, scale: 1e-5 },
}

/** What is written in another way for GPUs. */
const WRITTEN_OTHERWISE = /^(BatchNorm|MaxPool)/

t.test('every operation', { skip: withoutXla }, async (t) => {
  const [xla, tfjs, onednn] = [xlaOnCpu(), await tfjsExecutor('cpu'), cpuExecutor()]
  const forGpus = xlaOnCpu(1, { writtenFor: 'gpu' })
  for (const opCase of OP_CASES) {
    for (const dtype of opCase.precisions) {
      await t.test(`${opCase.name}, ${dtype}`, (t) => {
        const program = captureOpCase(opCase, dtype)
        const inputs = {
          state: opCase.state(program),
          ...(opCase.labels === null ? {} : { labels: opCase.labels }),
          ...(opCase.images === null ? {} : { images: opCase.images }),
        }
        const actual = runProgram(xla, program, inputs).outputs
        const wanted = runProgram(tfjs, program, inputs).outputs
        t.same(differences(actual, wanted, TOLERANCES[dtype]), [], 'tfjs')
        if (WRITTEN_OTHERWISE.test(opCase.name)) {
          t.same(differences(runProgram(forGpus, program, inputs).outputs, wanted, TOLERANCES[dtype]), [], 'for GPUs')
        }
        t.same(differences(actual, runProgram(onednn, program, inputs).outputs, TOLERANCES[dtype]), [], 'cpu')
        t.end()
      })
    }
  }
})
