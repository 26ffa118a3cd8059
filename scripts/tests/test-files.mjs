import { compiledPath, typeScriptSources } from '../setup/typescript.mjs'

/** Tests that run the engine's addon, and compare what it computes. */
export const ENGINE_TESTS = [
  'test/executors/agreement',
  'test/executors/pytorch-operators',
  'test/executors/whole-step',
  'test/executors/cpu/host-mesh',
]

/** Whole runs of the trainer, which need all cores: they run one by one. */
export const ALONE = ['test/trainer/', 'test/cli/', 'test/crash/']

/** Each takes more than 5 s on two cores. `npm run test:fast` leaves them out, and those of ALONE. */
const SLOW = [
  ...['test/api/extensions', 'test/api/train', 'test/deploy/', 'test/watch/', 'test/datasets/examine-image'],
  ...['test/bench/fuzz', 'test/bench/baseline-process', 'test/bundle/', 'test/examples/', 'test/launchers/'],
  ...['test/checkpoint/integrity', 'test/datasets/prepare', 'test/datasets/svhn', 'test/datasets/verify-shards'],
  ...['test/executors/cpu/host-mesh', 'test/executors/tfjs-executor', 'test/executors/whole-step'],
  ...['agreement', 'methods', 'platform-choices', 'rounded-weights', 'shared-trial', 'steady-memory', 'whole-step'].map(
    (name) => `test/executors/xla/${name}`,
  ),
  ...[
    'test/executors/xla/gpu-',
    'test/executors/xla/published-header',
    'test/graph/gradient',
    'test/hosts/coordinator-port',
  ],
  ...['test/hosts/key-value-store', 'test/input/failing-threads', 'test/locks/folder-lock', 'test/optimizers/'],
  ...['test/replica/', 'test/step/pytorch-runs', 'test/step/torchvision-runs'],
]

export const isFast = (file) => ![...ALONE, ...SLOW].some((part) => file.includes(part))

/**
 * Compiled tests whose path holds one of the words.
 * @param {readonly string[]} wanted none = all tests
 */
export function testFiles(wanted) {
  return typeScriptSources()
    .filter((path) => path.startsWith('test/') && path.endsWith('.test.ts'))
    .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
    .map(compiledPath)
}
