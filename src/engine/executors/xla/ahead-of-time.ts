/** Compiles StableHLO for a GPU on a machine without one, and keeps what XLA made of it as text. Nothing is run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Program } from '../../graph/program.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import { type CompileOptions, encodeCompileOptions } from './compile-options.ts'
import { type FoundPlugin, readPluginTable } from './find-plugin.ts'
import { type GpuSoftware, type GpuTarget, gpuTargetText } from './gpu-targets.ts'
import { lowerProgram } from './lower-program.ts'
import { type CompiledMemory, loadPjrtAddon } from './pjrt-addon.ts'
import {
  chooseOptions,
  compileFlags,
  graphChoices,
  LOWERING_CHOICES,
  runsSideBySide,
  type XlaOptions,
} from './platform-choices.ts'
import { readyToCompile } from './ready-for-cuda.ts'

/**
 * Beside the flags that training uses: XLA tries tiles of its own matrix products on the device, so without one they are
 * left to cuBLAS.
 */
const WITHOUT_DEVICE = { xla_gpu_enable_triton_gemm: false } as const

export interface AheadOfTime {
  readonly memory: CompiledMemory
  readonly milliseconds: number
  /** The optimised module: of its entry computation, each instruction is a kernel or a call of a library. */
  readonly optimisedHlo: string
  /** Where in the device's memory each value of the module lies. */
  readonly buffers: string
  /** Whether kernels of a graph that need nothing of each other may run side by side. */
  readonly sideBySide: boolean
  /** What the host launches, in order, by the plugin's own list; lines that are indented lie in a CUDA graph. */
  readonly launches: string
}

/** StableHLO, and the flags that it is to be compiled with. */
export interface WrittenProgram {
  readonly text: string
  readonly flags: CompileOptions['flags']
}

/** A program as training on GPUs hands it to XLA. */
export function writeForGpu(
  { program, layout }: { readonly program: Program; readonly layout: StateLayout },
  { toolkit }: FoundPlugin,
  replicas = 1,
  given: XlaOptions = {},
): WrittenProgram {
  const options = chooseOptions('gpu', given)
  const { text } = lowerProgram(program, layout, { replicas, ...LOWERING_CHOICES[options.writtenFor] })
  return { text, flags: compileFlags('gpu', toolkit, options, graphChoices(options).at(-1) ?? null) }
}

/**
 * @param replicas devices of one host that run the program together
 * @throws Error with the plugin's words where it refuses the program
 */
export function compileAheadOfTime(
  plugin: FoundPlugin,
  { text, flags }: WrittenProgram,
  target: GpuTarget,
  replicas = 1,
): AheadOfTime {
  readyToCompile(plugin)
  // As for a client (open-client.ts): XLA's log, errors only.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  const dump = mkdtempSync(join(tmpdir(), 'native-ensemble-xla-'))
  try {
    const options = encodeCompileOptions({
      replicas,
      deviceIds: null,
      flags: { ...flags, ...WITHOUT_DEVICE, xla_dump_to: dump, xla_dump_hlo_as_text: true },
    })
    const topology = [
      { name: 'target_config', type: 'string', value: gpuTargetText(target, softwareOf(plugin)) },
      // partitions x hosts x devices of a host
      { name: 'topology', type: 'string', value: `1x1x${replicas}` },
    ] as const
    const begin = performance.now()
    const { oldest } = readPluginTable().abi
    const memory = loadPjrtAddon().compileAheadOfTime(plugin.path, oldest, topology, text, options)
    const milliseconds = performance.now() - begin
    const optimisedHlo = readDump(dump, '_gpu_after_optimizations.txt')
    // Written anew only where it was changed, into graphs.
    const launches = readDump(dump, 'thunk_sequence_after_thunk_passes.txt') ?? readDump(dump, 'thunk_sequence.txt')
    const buffers = readDump(dump, '-buffer-assignment.txt')
    if (optimisedHlo === null || buffers === null || launches === null)
      throw new Error('Expected the plugin to write what it compiled')
    const sideBySide = runsSideBySide(flags)
    return { memory, milliseconds, optimisedHlo, buffers, sideBySide, launches }
  } finally {
    rmSync(dump, { recursive: true, force: true })
  }
}

/** The largest of the files that end so: the whole step, where XLA compiled parts on their own. */
function readDump(folder: string, ending: string): string | null {
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts.toSorted((left, right) => right.length - left.length)[0] ?? null
}

/** Versions that come with the plugin; of one that is none of ours, those of the first in the table. */
function softwareOf({ origin }: FoundPlugin): GpuSoftware {
  const { plugins } = readPluginTable()
  const requirements = (plugins[origin] ?? plugins['cuda13'])?.requirements ?? []
  const version = (wheel: RegExp, name: string): string => {
    const found = requirements.map((requirement) => wheel.exec(requirement)?.[1]).find((text) => text !== undefined)
    if (found === undefined) throw new Error(`Expected the version of ${name} in plugins.json`)
    return found
  }
  return {
    cuda: `${version(/^nvidia-cuda-runtime\S*==(\d+\.\d+)/, 'CUDA')}.0`,
    cudnn: version(/^nvidia-cudnn\S*==(\d+\.\d+\.\d+)/, 'cuDNN'),
  }
}
