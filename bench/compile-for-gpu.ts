/**
 * `npm run compile:gpu`: compiles training steps for a GPU on a machine without one, and counts what XLA made of them:
 * kernels, launches, bytes moved, memory. With --jax the same steps as JAX writes them. Nothing is run.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import {
  compileAheadOfTime,
  findCudaPlugin,
  type WrittenProgram,
  writeForGpu,
} from '../src/executors/xla/ahead-of-time.ts'
import type { FoundPlugin } from '../src/executors/xla/find-plugin.ts'
import { findGpuTarget, GPU_TARGETS, type GpuTarget } from '../src/executors/xla/gpu-targets.ts'
import { findNetwork } from '../src/networks/find-network.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { type CompiledStep, printOutcome, printReport, summarise } from './compile-report.ts'
import { machineFacts } from './machine-facts.ts'
import { findPeers, type Peer } from './peers/peer-catalogue.ts'
import { captureStep, type StepTask } from './peers/step-task.ts'
import { readCount } from './step-settings.ts'

const HELP = `Usage: npm run compile:gpu -- [options]

  --gpu <name>        ${Object.keys(GPU_TARGETS).join(', ')} (default h200)
  --network <list>    as train knows them (default resnet-32)
  --precision <list>  fp32, bf16 (default bf16)
  --side <n>          height and width of the images (default 224 for imagenet-..., else 32)
  --classes <n>       (default 1000 for imagenet-..., else 100)
  --batch <n>         (default 256 for imagenet-..., else 128)
  --branches <n>      1 = vanilla (default 3)
  --jax <python>      Python that has JAX: compiles its steps too
  --out <folder>      for compile-<gpu>-<date>.json and .md (default results)
The plugin for CUDA is needed, a GPU is not: npm run setup:cuda.`

const REMEDY = 'npm run compile:gpu -- --help'
const PRECISIONS = { fp32: 'f32', bf16: 'bf16' } as const
type Precision = keyof typeof PRECISIONS

/** A step that is to be compiled. */
interface Asked {
  readonly task: StepTask
  readonly precision: Precision
}

/** Of libraries, by their names. */
type Versions = Record<string, string>

interface Settings {
  /** The GPU's name in the table. */
  readonly gpu: string
  readonly target: GpuTarget
  readonly asked: readonly Asked[]
  readonly jax: Peer | null
  readonly out: string
}

/** @returns null where help is asked for @throws UserFault for a value that cannot be */
function readSettings(): Settings | null {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      gpu: { ...text, default: 'h200' },
      network: { ...text, default: 'resnet-32' },
      precision: { ...text, default: 'bf16' },
      side: text,
      classes: text,
      batch: text,
      branches: { ...text, default: '3' },
      jax: text,
      out: { ...text, default: 'results' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const tasks = values.network.split(',').map((network): StepTask => {
    findNetwork(network, 'auto')
    const count = (name: 'side' | 'classes' | 'batch', usual: readonly [imagenet: number, cifar: number]) =>
      readCount(`--${name}`, values[name] ?? `${network.startsWith('imagenet-') ? usual[0] : usual[1]}`, REMEDY)
    return {
      network,
      side: count('side', [224, 32]),
      classes: count('classes', [1000, 100]),
      batch: count('batch', [256, 128]),
      branches: readCount('--branches', values.branches, REMEDY),
      threads: availableParallelism(),
      device: 'cpu',
    }
  })
  const precisions = values.precision.split(',').map((name): Precision => {
    if (name === 'fp32' || name === 'bf16') return name
    throw expected('fp32 or bf16', '--precision', name, REMEDY)
  })
  const target = findGpuTarget(values.gpu)
  const asked = tasks.flatMap((task) => precisions.map((precision) => ({ task, precision })))
  return { gpu: values.gpu, target, asked, jax: findJax(values.jax), out: values.out }
}

function findJax(python: string | undefined): Peer | null {
  if (python === undefined) return null
  const jax = findPeers(python).find(({ name }) => name === 'jax')
  if (jax !== undefined && jax.absence === null) return jax
  throw new UserFault(`Expected a Python with JAX for --jax but received: ${jax?.absence}`, jax?.remedy ?? REMEDY)
}

function writeOwn({ task, precision }: Asked, plugin: FoundPlugin): WrittenProgram {
  const { program } = captureStep(task, { dtype: PRECISIONS[precision], pass: 'train' })
  return writeForGpu(program, plugin)
}

/**
 * JAX lowers for CUDA on a machine without it; its own way to compile sets no flags.
 * @param versions is told its version @throws Error with its last words
 */
function writeJax(jax: Peer, { task, precision }: Asked, toolkit: string | null, versions: Versions): WrittenProgram {
  const folder = mkdtempSync(join(tmpdir(), 'native-ensemble-jax-'))
  try {
    const file = join(folder, 'step.mlir')
    const [python = '', ...options] = jax.command(task)
    const { status, stdout, stderr, error } = spawnSync(
      python,
      [...options, '--export', file, '--mode', `${precision}-jit`],
      { encoding: 'utf8', env: { ...process.env, JAX_PLATFORMS: 'cpu' } },
    )
    if (status !== 0) throw new Error(error?.message ?? `JAX: ${stderr.trim().split('\n').at(-1)}`)
    Object.assign(versions, z.record(z.string(), z.string()).parse(JSON.parse(stdout)))
    return { text: readFileSync(file, 'utf8'), flags: toolkit === null ? {} : { xla_gpu_cuda_data_dir: toolkit } }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Compiles what a writer gives; its failure or the plugin's is the outcome, and the other steps go on. */
function compile(write: () => WrittenProgram, plugin: FoundPlugin, target: GpuTarget): CompiledStep['outcome'] {
  try {
    return summarise(compileAheadOfTime(plugin, write(), target))
  } catch (error) {
    if (error instanceof UserFault) throw error
    return { accepted: false, reason: error instanceof Error ? error.message.trim() : String(error) }
  }
}

function compileAll({ target, asked, jax }: Settings, plugin: FoundPlugin, versions: Versions): CompiledStep[] {
  return asked.flatMap(({ task, precision }) => {
    const writers: (readonly [CompiledStep['writer'], () => WrittenProgram])[] = [
      ['own', () => writeOwn({ task, precision }, plugin)],
      ...(jax === null ? [] : [['jax', () => writeJax(jax, { task, precision }, plugin.toolkit, versions)] as const]),
    ]
    return writers.map(([writer, write]): CompiledStep => {
      const step = { task, precision, writer, outcome: compile(write, plugin, target) }
      console.log(`${task.network} ${precision} of ${writer}: ${printOutcome(step)}`)
      return step
    })
  })
}

function publish(settings: Settings, plugin: FoundPlugin, steps: readonly CompiledStep[], versions: Versions): void {
  const report = {
    date: new Date().toISOString().slice(0, 10),
    gpu: settings.target.name,
    plugin: plugin.origin,
    machine: machineFacts(versions),
    steps,
  }
  const printed = printReport(report)
  mkdirSync(settings.out, { recursive: true })
  const path = join(settings.out, `compile-${settings.gpu}-${report.date}`)
  writeFileSync(`${path}.json`, `${JSON.stringify(report, null, 1)}\n`)
  writeFileSync(`${path}.md`, `${printed}\n`)
  console.log(`\n${printed}\n\nWritten: ${path}.json and ${path}.md`)
}

function main(): void {
  const settings = readSettings()
  if (settings === null) {
    console.log(HELP)
    return
  }
  const plugin = findCudaPlugin()
  const versions: Versions = {}
  const steps = compileAll(settings, plugin, versions)
  if (steps.some(({ writer, outcome }) => writer === 'own' && !outcome.accepted)) process.exitCode = 1
  // Nothing was compiled: earlier tables stay as they are.
  if (steps.some(({ outcome }) => outcome.accepted)) publish(settings, plugin, steps, versions)
}

try {
  main()
} catch (error) {
  const isUsage = error instanceof UserFault || (error instanceof TypeError && 'code' in error)
  if (!isUsage) throw error
  console.error(error.message)
  if (error instanceof UserFault) console.error(error.remedy)
  process.exitCode = 2
}
