/** Which trainers the step benchmark can compare, how each is started, and how one gets those that are absent. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPlugins } from '../../src/engine/executors/xla/find-plugin.ts'
import type { StepTask } from './step-task.ts'

export interface Baseline {
  readonly name: 'own' | 'before' | 'xla' | 'torch' | 'jax' | 'tfjs-node'
  /** Why it cannot run here, null where it can. */
  readonly absence: string | null
  /** What brings it where it is absent. */
  readonly remedy: string
  command(task: StepTask): readonly string[]
}

/** Folders are found from dist/bench/baselines/. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CPU_ONLY = 'it is compared on CPUs only'
const TFJS_FOLDER = `${ROOT}.tfjs-node`

/**
 * @param python the interpreter that may have PyTorch and JAX
 * @param device what the baselines are to run on; our CPU executor and tfjs-node know CPUs only
 * @param before root of another checkout of this project that is built, to compare with
 */
export function findBaselines(
  python: string,
  device: StepTask['device'] = 'cpu',
  before: string | null = null,
): Baseline[] {
  const tfjsBinding = `${TFJS_FOLDER}/node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node`
  return [
    {
      name: 'own',
      absence: device === 'cpu' ? null : CPU_ONLY,
      remedy: 'npm run setup',
      command: (task) => {
        const entry = new URL(`./own-baseline${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
        return [process.execPath, fileURLToPath(entry), ...options(task)]
      },
    },
    {
      name: 'before',
      absence: before === null ? 'no --before' : device === 'gpu' ? CPU_ONLY : absenceOfFile(ownBaselineOf(before)),
      remedy: 'Name the root of a built checkout: npm run bench:step -- --before <folder>',
      command: (task) => [process.execPath, ownBaselineOf(before ?? '.'), ...options(task)],
    },
    {
      name: 'xla',
      absence: findPlugins(device, null).length > 0 ? null : 'no PJRT plugin',
      remedy: device === 'cpu' ? 'npm run setup:xla-cpu' : 'npm run setup:cuda',
      command: (task) => {
        const entry = new URL(`./xla-baseline${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
        return [process.execPath, fileURLToPath(entry), ...options(task), '--device', task.device]
      },
    },
    {
      name: 'torch',
      absence: absenceOf(python, 'torch'),
      remedy: `${python} -m pip install torch==2.13.0`,
      command: (task) => [
        python,
        `${ROOT}bench/baselines/torch_baseline.py`,
        ...options(task),
        '--device',
        task.device,
      ],
    },
    {
      name: 'jax',
      absence: absenceOf(python, 'jax'),
      remedy: `${python} -m pip install ${device === 'gpu' ? "'jax[cuda13]'" : 'jax'}`,
      command: (task) => [python, `${ROOT}bench/baselines/jax_baseline.py`, ...options(task), '--device', task.device],
    },
    {
      name: 'tfjs-node',
      absence: device === 'gpu' ? CPU_ONLY : existsSync(tfjsBinding) ? null : `no ${tfjsBinding.slice(ROOT.length)}`,
      remedy: 'node scripts/build-tfjs-node.mjs',
      command: (task) => [process.execPath, `${ROOT}bench/baselines/tfjs-node-baseline.mjs`, ...options(task)],
    },
  ]
}

/** The program of `own` in another checkout, under its name there. */
function ownBaselineOf(checkout: string): string {
  const [now, before] = ['baselines/own-baseline.js', 'peers/own-peer.js'].map((path) =>
    resolve(checkout, 'dist/bench', path),
  )
  return now !== undefined && before !== undefined && existsSync(before) && !existsSync(now) ? before : (now ?? '')
}

const absenceOfFile = (path: string) => (existsSync(path) ? null : `no ${path}`)

/** Why Python has no such module; it is looked for, not loaded. */
function absenceOf(python: string, module: string): string | null {
  const find = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(module)}) is None)`
  const found = spawnSync(python, ['-c', find], { encoding: 'utf8' })
  if (found.status === 0) return null
  return found.error?.message ?? `${python} has no module ${module}`
}

function options({ network, side, branches, classes, batch, threads }: StepTask): string[] {
  const numbers = { network, side, branches, classes, batch, threads }
  return Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`])
}
