import type { Executor } from '../../src/executors/executor.ts'
import { onednnExecutor } from '../../src/executors/onednn/onednn-executor.ts'
import { tfjsExecutor } from '../../src/executors/tfjs/tfjs-executor.ts'

/** The executors that must agree with PyTorch and with each other on every machine that runs the tests. */
export const executors: readonly { readonly name: string; readonly executor: Executor }[] = [
  { name: 'tfjs cpu', executor: await tfjsExecutor('cpu') },
  { name: 'onednn', executor: onednnExecutor() },
]
