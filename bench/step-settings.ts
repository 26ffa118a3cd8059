/** Options of `npm run bench:step`. */
import { parseArgs } from 'node:util'
import { findNetwork } from '../src/engine/networks/find-network.ts'
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected } from '../src/vocabulary/fault.ts'
import type { StepTask } from './baselines/step-task.ts'
import { readCount } from './read-count.ts'
import { type ResultOptions, readResultOptions } from './write-result.ts'

export const STEP_HELP = `Usage: npm run bench:step -- [options]

  --rounds <n>       rounds through all modes (default 6)
  --steps <n>        counted steps of a mode in a round (default 4)
  --network <name>   as train knows them (default resnet-32)
  --side <n>         height and width of the images (default 224 for imagenet-..., else 32)
  --branches <n>     1 = vanilla (default 3)
  --classes <n>      (default 100)
  --batch <n>        (default 128)
  --threads <n>      (default: all cores)
  --baselines <list>     own,before,xla,torch,jax,tfjs-node (default: those that work here; xla and jax on GPUs)
  --device <name>    cpu or gpu (default cpu)
  --before <folder>  another checkout of this project that is built: its steps beside ours, as baseline before
  --modes <list>     only these modes, e.g. fp32,bf16,fp32-channels-last (default: all)
  --fresh            start each mode's process anew in each round: where all together do not fit into memory
  --python <path>    Python that has PyTorch and JAX (default python3)
  --out <folder>     for step/<network>/<date> (default results)
  --what <words>     what changed, for the folder's name
docs/baselines.md says how each baseline is installed.`

const REMEDY = 'npm run bench:step -- --help'

export interface Settings {
  readonly rounds: number
  readonly steps: number
  readonly task: StepTask
  readonly baselines: readonly string[] | null
  readonly modes: readonly string[] | null
  /** Whether a process is only there while it measures. */
  readonly fresh: boolean
  readonly python: string
  /** Root of another checkout, to compare with. */
  readonly before: string | null
  readonly kept: ResultOptions
}

const TEXT = { type: 'string' } as const

/** @returns null where help is asked for @throws UserFault for a value that cannot be */
export function readSettings(): Settings | null {
  const { values } = parseArgs({
    options: {
      rounds: TEXT,
      steps: TEXT,
      network: TEXT,
      side: TEXT,
      branches: TEXT,
      classes: TEXT,
      batch: TEXT,
      threads: TEXT,
      fresh: { type: 'boolean', default: false },
      baselines: TEXT,
      device: { type: 'string', default: 'cpu' },
      modes: TEXT,
      python: TEXT,
      before: TEXT,
      out: { type: 'string', default: 'results' },
      what: TEXT,
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const network = values.network ?? 'resnet-32'
  findNetwork(network, 'auto')
  const usualSide = network.startsWith('imagenet-') ? '224' : '32'
  return {
    rounds: readCount('--rounds', values.rounds ?? '6', REMEDY),
    steps: readCount('--steps', values.steps ?? '4', REMEDY),
    task: {
      network,
      side: readCount('--side', values.side ?? usualSide, REMEDY),
      branches: readCount('--branches', values.branches ?? '3', REMEDY),
      classes: readCount('--classes', values.classes ?? '100', REMEDY),
      batch: readCount('--batch', values.batch ?? '128', REMEDY),
      threads: readCount('--threads', values.threads ?? `${allowedCores().length}`, REMEDY),
      device: readDevice(values.device),
    },
    baselines: values.baselines?.split(',') ?? null,
    modes: values.modes?.split(',') ?? null,
    fresh: values.fresh,
    python: values.python ?? 'python3',
    before: values.before ?? null,
    kept: readResultOptions(values),
  }
}

function readDevice(text: string): StepTask['device'] {
  if (text === 'cpu' || text === 'gpu') return text
  throw expected('cpu or gpu', '--device', text, REMEDY)
}
