/** Whole steps of every method, compiled for a GPU that is not here: the plugin takes them; what they give is not seen. */
import t from 'tap'
import { longestChain } from '../../../bench/kernel-chain.ts'
import { readExchanges, readKernels, readLaunches } from '../../../bench/optimised-hlo.ts'
import { compileAheadOfTime, writeForGpu } from '../../../src/engine/executors/xla/ahead-of-time.ts'
import { findPlugin } from '../../../src/engine/executors/xla/find-plugin.ts'
import { lowerProgram } from '../../../src/engine/executors/xla/lower-program.ts'
import { LOWERING_CHOICES } from '../../../src/engine/executors/xla/platform-choices.ts'
import { findState } from '../../../src/engine/graph/state-layout.ts'
import { dml } from '../../../src/engine/methods/dml.ts'
import { ensemble } from '../../../src/engine/methods/ensemble.ts'
import { kd } from '../../../src/engine/methods/kd.ts'
import { one } from '../../../src/engine/methods/one.ts'
import { snapshotEnsemble } from '../../../src/engine/methods/snapshot.ts'
import { vanilla } from '../../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../../src/engine/networks/find-network.ts'
import { captureEvaluation } from '../../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { elementCount } from '../../../src/vocabulary/shape.ts'
import { compileForGpu, H100, withoutCuda } from '../../support/compile-for-gpu.ts'
import { type SmallStep, smallOne } from '../../support/small-steps.ts'

t.setTimeout(580_000)

const resnet8 = findNetwork('resnet-8', 'basic')
const STEPS: Readonly<Record<string, Omit<SmallStep, 'batch'>>> = {
  'plain training': { method: vanilla(), dtype: 'bf16' },
  ONE: { branches: 2, dtype: 'bf16' },
  'ONE, f32': { branches: 2, dtype: 'f32' },
  'ONE without shared layers and gate': {
    method: one({ branches: 2, temperature: 3, share: 'none', gate: 'average' }),
    dtype: 'bf16',
  },
  'knowledge distillation': { method: kd({ teacher: resnet8, alpha: 0.7, temperature: 3 }), dtype: 'bf16' },
  'mutual learning': { method: dml([resnet8, resnet8]), dtype: 'bf16' },
  'an ensemble': { method: ensemble([resnet8, resnet8]), dtype: 'bf16' },
  'the ensemble of snapshots': { method: snapshotEnsemble(2), dtype: 'bf16' },
}

for (const [name, small] of Object.entries(STEPS)) {
  t.test(name, { skip: withoutCuda }, (t) => {
    const { program, layout } = captureTrainingStep(smallOne({ batch: 4, ...small }))
    const { memory, optimisedHlo, launches } = compileForGpu(program, { layout })
    const kernels = readKernels(optimisedHlo)
    const convolutions = program.nodes.filter(({ op }) => op.startsWith('Conv2D'))
    t.equal(kernels.filter(({ kind }) => kind === 'convolution').length, convolutions.length, 'convolutions')
    t.same(readLaunches(launches), { launches: 1, graphs: 1 }, 'one graph')
    const { roundedWrites } = lowerProgram(program, layout, { replicas: 1, ...LOWERING_CHOICES.gpu })
    const copied = roundedWrites.reduce((sum, name) => sum + elementCount(findState(layout, name).shape), 0)
    const stateBytes = 4 * layout.elements + 2 * copied
    t.ok(memory.aliasedBytes > 0 && memory.aliasedBytes <= stateBytes, 'state is updated in place')
    t.equal(kernels.filter(({ kind }) => kind === 'collective').length, 0)
    t.end()
  })
}

t.test('two replicas sum up their gradients beside the backward pass', { skip: withoutCuda }, (t) => {
  // Wide enough for several buckets.
  const network = 'resnext-11-8x64d'
  const { program } = captureTrainingStep(smallOne({ batch: 2, dtype: 'bf16', branches: 2, network }))
  const exchanges = readExchanges(compileForGpu(program, { replicas: 2 }).optimisedHlo)
  t.ok(exchanges.length > 2, `${exchanges.length} exchanges`)
  const alone = exchanges.filter(({ kernelsBeside }) => kernelsBeside === 0)
  t.ok(alone.length <= 1, 'all but the last, which has nothing left beside it')
  t.end()
})

t.test('branches run side by side', { skip: withoutCuda }, (t) => {
  const chainOf = (branches: number) => {
    const { program } = captureTrainingStep(smallOne({ batch: 4, dtype: 'bf16', branches }))
    const { optimisedHlo, buffers, sideBySide } = compileForGpu(program)
    t.ok(sideBySide)
    return { chain: longestChain(optimisedHlo, buffers), kernels: readKernels(optimisedHlo).length }
  }
  const [two, four] = [chainOf(2), chainOf(4)]
  t.ok(two.chain < 0.75 * two.kernels, `${two.chain} of ${two.kernels} kernels in a chain`)
  t.ok(four.kernels > 1.4 * two.kernels, `${four.kernels} kernels with four branches`)
  t.ok(four.chain < two.chain + 10, `${four.chain} of them in a chain`)
  t.end()
})

t.test('NVIDIA is told where f32 convolutions are to be f32', { skip: withoutCuda }, (t) => {
  const plugin = findPlugin('gpu', null)
  const step = captureTrainingStep(smallOne({ batch: 4, dtype: 'f32', branches: 2 }))
  const written = writeForGpu(step, plugin, 1, { precision: 'highest' })
  const calls = compileAheadOfTime(plugin, written, H100)
    .optimisedHlo.split('\n')
    .filter((line) => line.includes('custom_call_target="__cudnn$conv'))
  t.ok(calls.length > 20)
  t.ok(calls.every((line) => line.includes('operand_precision={highest,highest}')))
  t.end()
})

t.test('an evaluation', { skip: withoutCuda }, (t) => {
  const kernels = readKernels(compileForGpu(captureEvaluation(smallOne({ batch: 4, dtype: 'bf16' }))).optimisedHlo)
  t.ok(kernels.some(({ kind }) => kind === 'convolution'))
  t.end()
})
