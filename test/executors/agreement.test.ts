import t from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import type { ComputeDType } from '../../src/vocabulary/dtype.ts'
import { differences, type Tolerance } from '../support/compare-tensors.ts'
import { captureOpCase, OP_CASES } from '../support/op-cases.ts'
import { runProgram } from '../support/run-program.ts'

/** Every operation and its gradient on oneDNN against TensorFlow.js in JavaScript, on small odd shapes. */
const tfjs = await tfjsExecutor('cpu')
const onednn = cpuExecutor()
const direct = cpuExecutor({ ownConvolutions: false })

/**
 * f32: other orders of summation. bf16: both round each result once, so where their f32 sums lie on two sides of the
 * middle between two bf16 numbers they are one apart, at most 2^-7 of the value.
 */
const TOLERANCES: Readonly<Record<ComputeDType, Tolerance>> = {
  f32: { relative: 1e-5, scale: 1e-5 },
  bf16: { relative: 2 ** -7, scale: 1e-5 },
}

for (const opCase of OP_CASES) {
  for (const dtype of opCase.precisions) {
    t.test(`${opCase.name}, ${dtype}`, (t) => {
      const program = captureOpCase(opCase, dtype)
      const inputs = {
        state: opCase.state(program),
        ...(opCase.labels === null ? {} : { labels: opCase.labels }),
        ...(opCase.images === null ? {} : { images: opCase.images }),
      }
      const wanted = runProgram(tfjs, program, inputs).outputs
      for (const cores of [[0], [0, 1], [0, 1, 0]]) {
        const actual = runProgram(onednn, program, { ...inputs, cores }).outputs
        t.same(differences(actual, wanted, TOLERANCES[dtype]), [], `${cores.length} threads`)
      }
      if (opCase.op === 'Conv2D') {
        const actual = runProgram(direct, program, { ...inputs, cores: [0, 1] }).outputs
        t.same(differences(actual, wanted, TOLERANCES[dtype]), [], 'without the algorithm of Winograd')
      }
      t.end()
    })
  }
}
