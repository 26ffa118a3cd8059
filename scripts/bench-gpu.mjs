/**
 * `npm run bench:gpu [-- --device cpu --quick]`: on a machine with a GPU, checks every operation on the device, then measures
 * the steps of four networks against PyTorch and JAX in the same run; each writes its results/step-gpu-*.md. With `--built`
 * nothing is set up, which needs the network: for a machine that what was built elsewhere was carried to.
 */
import { parseArgs } from 'node:util'
import { inRoot } from './setup/places.mjs'
import { runInForeground } from './setup/run-command.mjs'
import { orExplain, setUp } from './setup/set-up.mjs'

/** One task a line: options of bench:step. */
const TASKS = [
  ['--network', 'resnet-32', '--batch', '128'],
  ['--network', 'resnet-110', '--batch', '128'],
  ['--network', 'imagenet-resnet-18', '--batch', '256', '--classes', '1000'],
  ['--network', 'imagenet-resnext-50-32x4d', '--batch', '256', '--classes', '1000'],
]
/** To see that all of it runs: the smallest network, one round. */
const QUICK = [['--network', 'resnet-8', '--batch', '16', '--rounds', '1', '--steps', '2']]

await orExplain(async () => {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'gpu' },
      python: { type: 'string', default: 'python3' },
      out: { type: 'string', default: 'results' },
      quick: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
    },
  })
  if (!values.built) await setUp()
  const checked = await runInForeground([inRoot('dist/bench/device-check.js'), values.device])
  if (checked !== 0) return checked
  for (const task of values.quick ? QUICK : TASKS) {
    const common = [
      '--device',
      values.device,
      '--peers',
      'xla,torch,jax',
      '--fresh',
      '--python',
      values.python,
      '--out',
      values.out,
    ]
    const ended = await runInForeground([inRoot('dist/bench/step.js'), ...common, ...task])
    if (ended !== 0) return ended
  }
  return 0
})
