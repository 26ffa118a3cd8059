import type { GraphDef } from './graph-def.ts'

/** Channels `start` .. `start + channels - 1` of [B, H, W, C]. */
export function sliceChannels(graph: GraphDef, x: string, start: number, channels: number): string {
  // -1 = to the end of the axis.
  return graph.node('Slice', [x, graph.places([0, 0, 0, start]), graph.places([-1, -1, -1, channels])])
}
