import t from 'tap'
import { explainFailedRun } from '../../../src/engine/executors/xla/failed-run.ts'
import { UserFault } from '../../../src/vocabulary/fault.ts'

t.test('a graph that fails in training names the way out', (t) => {
  const cause = new Error(
    'INTERNAL: CUDA_ERROR_STREAM_CAPTURE_INVALIDATED: operation failed.\n=== Source Location Trace',
  )
  const told = explainFailedRun(cause, true)
  t.ok(told instanceof UserFault)
  t.match(told, {
    message: /launch a step as a CUDA graph .*STREAM_CAPTURE_INVALIDATED: operation failed\.$/,
    remedy: /NATIVE_ENSEMBLE_XLA_GRAPHS=0 native-ensemble resume/,
    cause,
  })
  t.end()
})

t.test('other failures are told as they are', (t) => {
  const memory = new Error('RESOURCE_EXHAUSTED: out of memory')
  t.equal(explainFailedRun(memory, true), memory)
  const graph = new Error('Failed to instantiate CUDA graph')
  t.equal(explainFailedRun(graph, false), graph, 'a program in pieces has no graph of ours')
  t.end()
})
