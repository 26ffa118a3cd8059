/** What is done differently on each platform: how programs are written, and the flags of XLA that they are compiled with. */
import type { FoundPlugin, XlaPlatform } from './find-plugin.ts'
import type { LoweringTarget } from './op-lowering.ts'

/** What a text is written for: a platform, and on it maybe f32 convolutions in f32. */
type TextTarget = XlaPlatform | `${XlaPlatform}, highest`

const CPU_TEXT = { wideFilterGradients: true, jointSums: false, gatherFromWindows: false, keepRounded: false } as const
const GPU_TEXT = { wideFilterGradients: false, jointSums: true, gatherFromWindows: true, keepRounded: true } as const

/** How the text is written. */
export const LOWERING_CHOICES: Readonly<Record<TextTarget, Omit<LoweringTarget, 'replicas'>>> = {
  cpu: { ...CPU_TEXT, fullPrecision: false },
  gpu: { ...GPU_TEXT, fullPrecision: false },
  'cpu, highest': { ...CPU_TEXT, fullPrecision: true },
  'gpu, highest': { ...GPU_TEXT, fullPrecision: true },
}

/** How programs are compiled. */
export interface XlaOptions {
  /**
   * Whether XLA may keep a bf16 value that is widened again at once in f32 (default: on CPUs). On GPUs it then writes whole
   * activations of f32 where bf16 was asked for. false = each value is rounded to its type, as on the other executors.
   */
  readonly excessPrecision?: boolean
  /**
   * What is captured in CUDA graphs, by XLA's names (default: on GPUs all that our programs have, so that a run is one graph;
   * elsewhere null = as XLA does). XLA itself leaves convolutions out, and a step of a small network then takes as long as
   * the host needs to launch some hundred pieces.
   */
  readonly captured?: string | null
  /**
   * Orders in which the kernels of a graph may run, by XLA's names (default: `LHS`, one after the other, and `CONCURRENT`,
   * side by side where none needs the other, for some more memory). Of several the fastest on the device is taken.
   */
  readonly orders?: readonly string[]
  /** How the text is written (default: for the platform it runs on). */
  readonly writtenFor?: XlaPlatform
  /**
   * `highest` = convolutions of f32 multiply in f32 on any device. `default` = in what it does fastest: on GPUs TF32, whose
   * factors have 10 bits, as in PyTorch and JAX.
   */
  readonly precision?: 'default' | 'highest'
}

/** All options, with what the text is written for in one word. */
export interface ChosenOptions extends Required<Omit<XlaOptions, 'writtenFor'>> {
  readonly writtenFor: TextTarget
}

/** 0 = capture no more than XLA does; else orders with commas between. */
const GRAPHS_VARIABLE = 'NATIVE_ENSEMBLE_XLA_GRAPHS'

/** What XLA captures by default, as far as our programs have it, and convolutions. */
export const CAPTURED = 'FUSION,CUBLAS,CUBLASLT,CUDNN,CUSTOM_CALL,CONVOLUTION'

/** CONCURRENT last: the program that is compiled without a device to time it on (ahead-of-time.ts). */
const ORDERS: readonly string[] = ['LHS', 'CONCURRENT']
const ORDER_FLAG = 'xla_gpu_command_buffer_scheduling_mode'

/** The options with the platform's defaults. */
export function chooseOptions(platform: XlaPlatform, given: XlaOptions): ChosenOptions {
  const graphs = process.env[GRAPHS_VARIABLE]
  const captured = platform === 'gpu' && graphs !== '0' ? CAPTURED : null
  const orders = graphs === undefined || graphs === '0' ? ORDERS : graphs.split(',')
  const { writtenFor = platform, precision = 'default' } = given
  const text = precision === 'highest' ? (`${writtenFor}, highest` as const) : writtenFor
  return { excessPrecision: platform === 'cpu', captured, orders, ...given, precision, writtenFor: text }
}

/** A way to put a program's runs into a CUDA graph. */
export interface GraphChoice {
  readonly captured: string
  readonly order: string
}

/** @returns none where nothing is to be captured */
export function graphChoices({ captured, orders }: ChosenOptions): GraphChoice[] {
  return captured === null ? [] : orders.map((order) => ({ captured, order }))
}

const GPU_FLAGS = {
  // Equal runs are to give equal numbers: what adds up in any order is left out.
  xla_gpu_exclude_nondeterministic_ops: true,
  // Buckets of gradients stay apart: XLA would wait for the last to exchange all at once, with nothing left to do meanwhile.
  xla_gpu_all_reduce_combine_threshold_bytes: '1',
  // It moves exchanges to the end of the step, each beside two kernels whose time it does not know (cuDNN's). Without it they
  // begin when their gradients are there and are waited for when all have begun.
  xla_gpu_enable_latency_hiding_scheduler: false,
}

/**
 * XLA's flags for a program.
 * @param graph null = as XLA does by itself
 */
export function compileFlags(
  platform: XlaPlatform,
  toolkit: FoundPlugin['toolkit'],
  { excessPrecision }: Pick<ChosenOptions, 'excessPrecision'>,
  graph: GraphChoice | null,
): Record<string, boolean | string> {
  return {
    ...(platform === 'gpu' ? GPU_FLAGS : {}),
    ...(toolkit === null ? {} : { xla_gpu_cuda_data_dir: toolkit }),
    ...(excessPrecision ? {} : { xla_allow_excess_precision: false }),
    ...(graph === null
      ? {}
      : {
          xla_gpu_enable_command_buffer: graph.captured,
          [ORDER_FLAG]: graph.order,
        }),
  }
}

/** Whether kernels of a graph may run side by side by these flags. */
export function runsSideBySide(flags: Readonly<Record<string, boolean | string>>): boolean {
  return flags[ORDER_FLAG] === 'CONCURRENT'
}
