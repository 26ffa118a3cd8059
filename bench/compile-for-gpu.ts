/**
 * `npm run compile:gpu`: compiles training steps for a GPU on a machine without one, and counts what XLA made of them:
 * kernels, launches, bytes moved, memory. With --jax the same steps as JAX writes them. Nothing is run.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { compileAheadOfTime, type WrittenProgram, writeForGpu } from '../src/engine/executors/xla/ahead-of-time.ts'
import { type FoundPlugin, findPlugin } from '../src/engine/executors/xla/find-plugin.ts'
import { findGpuTarget, GPU_TARGETS, type GpuTarget } from '../src/engine/executors/xla/gpu-targets.ts'
import { findNetwork } from '../src/engine/networks/find-network.ts'
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { type Baseline, findBaselines } from './baselines/baseline-catalogue.ts'
import { captureStep, type StepTask } from './baselines/step-task.ts'
import { type CompiledStep, printOutcome, printReport, summarise } from './compile-report.ts'
import { machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, type ResultOptions, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run compile:gpu -- [options]

  --gpu <name>        ${Object.keys(GPU_TARGETS).join(', ')} (default h200)
  --network <list>    as train knows them (default resnet-32)
  --precision <list>  fp32, bf16 (default bf16)
  --side <n>          height and width of the images (default 224 for imagenet-..., else 32)
  --classes <n>       (default 1000 for imagenet-..., else 100)
  --batch <n>         (default 256 for imagenet-..., else 128)
  --branches <n>      1 = vanilla (default 3)
  --replicas <n>      GPUs of one host that make a step together, each of that batch (default 1)
  --jax <python>      Python that has JAX: compiles its steps too
  --out <folder>      for compile/<gpu>[-x<replicas>]/<date> (default results)
  --what <words>      what changed, for the folder's name
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
  readonly replicas: number
  readonly jax: Baseline | null
  readonly kept: ResultOptions
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
      replicas: { ...text, default: '1' },
      jax: text,
      out: { ...text, default: 'results' },
      what: text,
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
      threads: allowedCores().length,
      device: 'cpu',
    }
  })
  const precisions = values.precision.split(',').map((name): Precision => {
    if (name === 'fp32' || name === 'bf16') return name
    throw expected('fp32 or bf16', '--precision', name, REMEDY)
  })
  const target = findGpuTarget(values.gpu)
  const asked = tasks.flatMap((task) => precisions.map((precision) => ({ task, precision })))
  const replicas = readCount('--replicas', values.replicas, REMEDY)
  if (replicas > 1 && values.jax !== undefined) {
    throw expected(
      'one replica',
      '--jax',
      `--replicas ${replicas}`,
      "JAX's step is that of one GPU: leave out one of them.",
    )
  }
  return { gpu: values.gpu, target, asked, replicas, jax: findJax(values.jax), kept: readResultOptions(values) }
}

function findJax(python: string | undefined): Baseline | null {
  if (python === undefined) return null
  const jax = findBaselines(python).find(({ name }) => name === 'jax')
  if (jax !== undefined && jax.absence === null) return jax
  throw new UserFault(`Expected a Python with JAX for --jax but received: ${jax?.absence}`, jax?.remedy ?? REMEDY)
}

function writeOwn({ task, precision }: Asked, plugin: FoundPlugin, replicas: number): WrittenProgram {
  const step = captureStep(task, { dtype: PRECISIONS[precision], pass: 'train' })
  return writeForGpu(step, plugin, replicas)
}

/**
 * JAX lowers for CUDA on a machine without it; its own way to compile sets no flags.
 * @param versions is told its version @throws Error with its last words
 */
function writeJax(
  jax: Baseline,
  { task, precision }: Asked,
  toolkit: string | null,
  versions: Versions,
): WrittenProgram {
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
function compile(
  write: () => WrittenProgram,
  plugin: FoundPlugin,
  { target, replicas }: Pick<Settings, 'target' | 'replicas'>,
): CompiledStep['outcome'] {
  try {
    return summarise(compileAheadOfTime(plugin, write(), target, replicas))
  } catch (error) {
    if (error instanceof UserFault) throw error
    return { accepted: false, reason: error instanceof Error ? error.message.trim() : String(error) }
  }
}

/** @param tell is given each step when it was compiled, which takes minutes */
function compileAll(
  settings: Settings,
  plugin: FoundPlugin,
  versions: Versions,
  tell: (step: CompiledStep) => void,
): void {
  const { asked, replicas, jax } = settings
  for (const { task, precision } of asked) {
    const own = compile(() => writeOwn({ task, precision }, plugin, replicas), plugin, settings)
    tell({ task, precision, writer: 'own', outcome: own })
    if (jax === null) continue
    const theirs = compile(() => writeJax(jax, { task, precision }, plugin.toolkit, versions), plugin, settings)
    tell({ task, precision, writer: 'jax', outcome: theirs })
  }
}

/** @returns the tables and where they lie */
function publish(
  { target, replicas }: Settings,
  folder: string,
  plugin: FoundPlugin,
  steps: readonly CompiledStep[],
  versions: Versions,
): string {
  const report = {
    date: new Date().toISOString().slice(0, 10),
    gpu: target.name,
    plugin: plugin.origin,
    replicas,
    machine: machineFacts(versions),
    steps,
  }
  const printed = printReport(report)
  return `${printed}\n\n${writeResult(folder, printed, report)}`
}

function main(): void {
  const settings = readSettings()
  if (settings === null) {
    console.log(HELP)
    return
  }
  const plugin = findPlugin('gpu', null)
  const versions: Versions = {}
  const steps: CompiledStep[] = []
  const { gpu, replicas, kept } = settings
  let folder: string | null = null
  let published = ''
  compileAll(settings, plugin, versions, (step) => {
    steps.push(step)
    console.log(`${step.task.network} ${step.precision} of ${step.writer}: ${printOutcome(step)}`)
    // At once, as the rest may take long; where nothing was compiled, nothing is written.
    if (!steps.some(({ outcome }) => outcome.accepted)) return
    const subject = `${gpu}${replicas === 1 ? '' : `-x${replicas}`}`
    folder ??= makeResultFolder(kept, { bench: 'compile', subject })
    published = publish(settings, folder, plugin, steps, versions)
  })
  console.log(`\n${published}`)
  if (steps.some(({ writer, outcome }) => writer === 'own' && !outcome.accepted)) process.exitCode = 1
}

try {
  main()
} catch (error) {
  tellUsageFault(error)
}
