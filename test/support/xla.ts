/** Whether the XLA executor can be run here: its CPU plugin comes with the set-up of the tests. */
import { findPlugins } from '../../src/engine/executors/xla/find-plugin.ts'
import type { XlaOptions } from '../../src/engine/executors/xla/platform-choices.ts'
import { type XlaExecutor, xlaExecutor } from '../../src/engine/executors/xla/xla-executor.ts'

// Each test compiles anew: what an earlier one left would hide a program that does not compile.
process.env['NATIVE_ENSEMBLE_XLA_CACHE'] ??= ''

/** For `skip` of a test that needs it. */
export const withoutXla =
  findPlugins('cpu', null).length > 0 ? false : 'no PJRT plugin for CPUs is here: npx native-ensemble setup xla-cpu'

/** An executor on devices of the CPU plugin. */
export function xlaOnCpu(devices = 1, options: XlaOptions = {}): XlaExecutor {
  return xlaExecutor({ platform: 'cpu', devices, plugin: null }, options)
}
