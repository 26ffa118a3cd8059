import { UserFault } from '../../../vocabulary/fault.ts'

/** What CUDA and XLA call a graph: STREAM_CAPTURE_INVALIDATED, "Failed to instantiate CUDA graph", "command buffer". */
const OF_A_GRAPH = /graph|capture|command buffer/i

/**
 * What a run of a program failed with, with the way out where its graph is at fault.
 * @param asGraph whether the program is launched as a CUDA graph
 */
export function explainFailedRun(error: unknown, asGraph: boolean): unknown {
  if (!asGraph || !(error instanceof Error) || !OF_A_GRAPH.test(error.message)) return error
  const [reason = ''] = error.message.split('\n')
  return new UserFault(
    `Expected the device to launch a step as a CUDA graph but received: ${reason.replace(/\.$/, '')}.`,
    'Go on from the newest checkpoint with kernels that are launched in pieces: ' +
      'NATIVE_ENSEMBLE_XLA_GRAPHS=0 native-ensemble resume <run>.',
    { cause: error },
  )
}
