/** Which trainers the step benchmark can compare, how each is started, and how one gets those that are absent. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPlugins } from '../../src/executors/xla/find-plugin.ts'

/** The training step that all peers run. */
export interface StepTask {
  readonly network: string
  /** Height and width of the images. */
  readonly side: number
  readonly branches: number
  readonly classes: number
  readonly batch: number
  readonly threads: number
  readonly device: 'cpu' | 'gpu'
}

export interface Peer {
  readonly name: 'own' | 'xla' | 'torch' | 'tfjs-node'
  /** Why it cannot run here, null where it can. */
  readonly absence: string | null
  /** What brings it where it is absent. */
  readonly remedy: string
  command(task: StepTask): readonly string[]
}

/** Folders are found from dist/bench/peers/. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CPU_ONLY = 'it is compared on CPUs only'
const TFJS_FOLDER = `${ROOT}.tfjs-node`

/**
 * @param python the interpreter that may have PyTorch
 * @param device what the peers are to run on; oneDNN and tfjs-node know CPUs only
 */
export function findPeers(python: string, device: StepTask['device'] = 'cpu'): Peer[] {
  const torch = spawnSync(python, ['-c', 'import torch'], { encoding: 'utf8' })
  const torchFault = torch.error?.message ?? torch.stderr.trim().split('\n').at(-1) ?? ''
  const tfjsBinding = `${TFJS_FOLDER}/node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node`
  return [
    {
      name: 'own',
      absence: device === 'cpu' ? null : CPU_ONLY,
      remedy: 'npm run setup',
      command: (task) => {
        const entry = new URL(`./own-peer${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
        return [process.execPath, fileURLToPath(entry), ...options(task)]
      },
    },
    {
      name: 'xla',
      absence: findPlugins(device, null).length > 0 ? null : 'no PJRT plugin',
      remedy: device === 'cpu' ? 'npm run setup:xla-cpu' : 'npm run setup:cuda',
      command: (task) => {
        const entry = new URL(`./xla-peer${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
        return [process.execPath, fileURLToPath(entry), ...options(task), '--device', task.device]
      },
    },
    {
      name: 'torch',
      absence: torch.status === 0 ? null : torchFault,
      remedy: `${python} -m pip install torch==2.13.0`,
      command: (task) => [python, `${ROOT}bench/peers/torch_peer.py`, ...options(task), '--device', task.device],
    },
    {
      name: 'tfjs-node',
      absence: device === 'gpu' ? CPU_ONLY : existsSync(tfjsBinding) ? null : `no ${tfjsBinding.slice(ROOT.length)}`,
      remedy: 'node scripts/build-tfjs-node.mjs',
      command: (task) => [process.execPath, `${ROOT}bench/peers/tfjs-node-peer.cjs`, ...options(task)],
    },
  ]
}

function options({ network, side, branches, classes, batch, threads }: StepTask): string[] {
  const numbers = { network, side, branches, classes, batch, threads }
  return Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`])
}
