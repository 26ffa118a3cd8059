/** Which trainers the step benchmark can compare, how each is started, and how one gets those that are absent. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The training step that all peers run. */
export interface StepTask {
  readonly network: string
  /** Height and width of the images. */
  readonly side: number
  readonly branches: number
  readonly classes: number
  readonly batch: number
  readonly threads: number
}

export interface Peer {
  readonly name: 'own' | 'torch' | 'tfjs-node'
  /** Why it cannot run here, null where it can. */
  readonly absence: string | null
  /** What brings it where it is absent. */
  readonly remedy: string
  command(task: StepTask): readonly string[]
}

/** Folders are found from dist/bench/peers/. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TFJS_FOLDER = `${ROOT}.tfjs-node`

/** @param python the interpreter that may have PyTorch */
export function findPeers(python: string): Peer[] {
  const torch = spawnSync(python, ['-c', 'import torch'], { encoding: 'utf8' })
  const torchFault = torch.error?.message ?? torch.stderr.trim().split('\n').at(-1) ?? ''
  const tfjsBinding = `${TFJS_FOLDER}/node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node`
  return [
    {
      name: 'own',
      absence: null,
      remedy: 'npm run setup',
      command: (task) => {
        const entry = new URL(`./own-peer${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
        return [process.execPath, fileURLToPath(entry), ...options(task)]
      },
    },
    {
      name: 'torch',
      absence: torch.status === 0 ? null : torchFault,
      remedy: `${python} -m pip install torch==2.13.0`,
      command: (task) => [python, `${ROOT}bench/peers/torch_peer.py`, ...options(task)],
    },
    {
      name: 'tfjs-node',
      absence: existsSync(tfjsBinding) ? null : `no ${tfjsBinding.slice(ROOT.length)}`,
      remedy: 'node scripts/build-tfjs-node.mjs',
      command: (task) => [process.execPath, `${ROOT}bench/peers/tfjs-node-peer.cjs`, ...options(task)],
    },
  ]
}

function options({ network, side, branches, classes, batch, threads }: StepTask): string[] {
  const numbers = { network, side, branches, classes, batch, threads }
  return Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, `${value}`])
}
