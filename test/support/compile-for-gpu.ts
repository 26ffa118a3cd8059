import { type AheadOfTime, compileAheadOfTime, writeForGpu } from '../../src/engine/executors/xla/ahead-of-time.ts'
import { findPlugin, findPlugins } from '../../src/engine/executors/xla/find-plugin.ts'
import { findGpuTarget, type GpuTarget } from '../../src/engine/executors/xla/gpu-targets.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import type { StateLayout } from '../../src/engine/graph/state-layout.ts'
import { layoutOf } from './run-program.ts'

/** For `skip` of a test that compiles for a GPU, which needs the plugin but no GPU. */
export const withoutCuda =
  findPlugins('gpu', null).length > 0 ? false : 'no PJRT plugin for CUDA is here: npx native-ensemble setup cuda13'

export const H100 = findGpuTarget('h100-sxm')

interface CompileTarget {
  readonly layout: StateLayout
  readonly replicas: number
  readonly target: GpuTarget
}

/** Compiles a program as training would. @param layout (default: one made of the program's own state) */
export function compileForGpu(
  program: Program,
  { layout = layoutOf(program), replicas = 1, target = H100 }: Partial<CompileTarget> = {},
): AheadOfTime {
  const plugin = findPlugin('gpu', null)
  return compileAheadOfTime(plugin, writeForGpu({ program, layout }, plugin, replicas), target, replicas)
}
