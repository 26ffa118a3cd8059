import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import type { Executor } from '../../src/engine/executors/executor.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'

/** The executors that must agree with PyTorch and with each other on every machine that runs the tests. */
export const executors: readonly { readonly name: string; readonly executor: Executor }[] = [
  { name: 'tfjs cpu', executor: await tfjsExecutor('cpu') },
  { name: 'cpu', executor: cpuExecutor() },
]
