/** Every operation and its gradient, compiled for a GPU that is not here: the plugin takes them; what they give is not seen. */
import t from 'tap'
import { readKernels } from '../../../bench/optimised-hlo.ts'
import { typeOf } from '../../../src/engine/graph/program.ts'
import { elementCount } from '../../../src/vocabulary/shape.ts'
import { compileForGpu, withoutCuda } from '../../support/compile-for-gpu.ts'
import { captureOpCase, OP_CASES } from '../../support/op-cases.ts'

t.setTimeout(580_000)

t.test('every operation', { skip: withoutCuda }, async (t) => {
  for (const opCase of OP_CASES) {
    for (const dtype of opCase.precisions) {
      await t.test(`${opCase.name}, ${dtype}`, (t) => {
        const program = captureOpCase(opCase, dtype)
        const elements = program.outputs.map(({ value }) => elementCount(typeOf(program, value).shape))
        const { memory, optimisedHlo } = compileForGpu(program)
        t.equal(memory.outputBytes, 4 * elements.reduce((sum, count) => sum + count))
        t.ok(readKernels(optimisedHlo).length > 0)
        t.end()
      })
    }
  }
})
