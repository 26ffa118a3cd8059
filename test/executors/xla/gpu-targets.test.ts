import t from 'tap'
import { readKernels } from '../../../bench/optimised-hlo.ts'
import { compileAheadOfTime } from '../../../src/engine/executors/xla/ahead-of-time.ts'
import { findPlugin } from '../../../src/engine/executors/xla/find-plugin.ts'
import { findGpuTarget, GPU_TARGETS, gpuTargetText } from '../../../src/engine/executors/xla/gpu-targets.ts'
import { compileForGpu, H100, withoutCuda } from '../../support/compile-for-gpu.ts'
import { captureOpCase, OP_CASES } from '../../support/op-cases.ts'

t.test('a target as the text of a protobuf message', (t) => {
  const text = gpuTargetText(H100, { cuda: '13.5.0', cudnn: '9.28.1' })
  for (const line of [
    '  core_count: 132',
    '  shared_memory_per_core: 233472',
    '  shared_memory_per_block_optin: 232448',
    '  l2_cache_size: 52428800',
    '  runtime_version: "13.5.0"',
    '  cuda_compute_capability { major: 9 minor: 0 feature_extension: ACCELERATED_FEATURES }',
    'dnn_version_info { major: 9 minor: 28 patch: 1 }',
  ]) {
    t.ok(text.split('\n').includes(line), line)
  }
  t.throws(() => findGpuTarget('voodoo'), { name: 'UserFault', message: /one of a100-sxm-80, .* for --gpu/ })
  t.end()
})

t.test('the plugin compiles for every GPU of the table', { skip: withoutCuda }, (t) => {
  const opCase = OP_CASES.find(({ op }) => op === 'BatchNorm')
  if (opCase === undefined) throw new Error('Expected a case of batch norm')
  for (const [name, target] of Object.entries(GPU_TARGETS)) {
    const { optimisedHlo } = compileForGpu(captureOpCase(opCase, 'bf16'), { target })
    t.ok(
      readKernels(optimisedHlo).some(({ kind }) => kind === 'reduction'),
      name,
    )
  }
  t.end()
})

t.test('it refuses in its own words', { skip: withoutCuda }, (t) => {
  t.throws(() => compileAheadOfTime(findPlugin('gpu', null), { text: 'no module', flags: {} }, H100), {
    message: /MLIR|parse/i,
  })
  t.end()
})
