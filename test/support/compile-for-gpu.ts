import { type AheadOfTime, compileAheadOfTime, writeForGpu } from '../../src/executors/xla/ahead-of-time.ts'
import { findPlugin, findPlugins } from '../../src/executors/xla/find-plugin.ts'
import { findGpuTarget, type GpuTarget } from '../../src/executors/xla/gpu-targets.ts'
import type { Program } from '../../src/graph/program.ts'

/** For `skip` of a test that compiles for a GPU, which needs the plugin but no GPU. */
export const withoutCuda =
  findPlugins('gpu', null).length > 0 ? false : 'no PJRT plugin for CUDA is here: npm run setup:cuda'

export const H100 = findGpuTarget('h100-sxm')

/** Compiles a program as training would. */
export function compileForGpu(program: Program, replicas = 1, target: GpuTarget = H100): AheadOfTime {
  const plugin = findPlugin('gpu', null)
  return compileAheadOfTime(plugin, writeForGpu(program, plugin, replicas), target, replicas)
}
