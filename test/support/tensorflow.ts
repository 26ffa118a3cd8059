/** Whether the tfjs executor can have TensorFlow's own kernels here; processes that a test starts find them too. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DeviceReport } from '../../src/engine/executors/executor.ts'
import { describeTfjs } from '../../src/engine/executors/tfjs/tfjs-backend.ts'

/** What `node scripts/build-tfjs-node.mjs` makes. */
const built = fileURLToPath(new URL('../../../.tfjs-node', import.meta.url))
if (existsSync(built)) process.env['NATIVE_ENSEMBLE_TFJS_NODE'] ??= built

export const tfjsReports: readonly DeviceReport[] = await describeTfjs()
export const tensorflowWorks = tfjsReports.some(({ device, works }) => device === 'tensorflow' && works)

/** For `skip` of a test that needs it. */
export const withoutTensorflow = tensorflowWorks
  ? false
  : 'neither @tensorflow/tfjs-node nor .tfjs-node is here: node scripts/build-tfjs-node.mjs'
