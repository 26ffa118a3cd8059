import type { PoolAttributes, PoolingOps } from '../../graph/ops/pooling.ts'
import { emitTensors, type LoweredCall, type LoweringsOf } from './op-lowering.ts'

export const POOLING_LOWERINGS: LoweringsOf<keyof PoolingOps> = {
  MaxPool: { rows: ['x'], lower: (call) => emitWindows('maxPool', call) },
  MaxPoolGrad: { rows: ['dy', 'x'], lower: (call) => emitWindows('maxPoolGrad', call) },
  AveragePool: { rows: ['x'], lower: (call) => emitWindows('averagePool', call) },
  AveragePoolGrad: { rows: ['dy'], lower: (call) => emitWindows('averagePoolGrad', call) },
  GlobalAveragePool: { rows: ['x'], lower: emitTensors('globalAveragePool') },
  GlobalAveragePoolGrad: { rows: ['dy'], lower: emitTensors('globalAveragePoolGrad') },
}

type WindowOp = 'MaxPool' | 'MaxPoolGrad' | 'AveragePool' | 'AveragePoolGrad'

/** Tensors in their order, then the windows. */
function emitWindows<N extends WindowOp>(instruction: string, { lowering, node, attributes }: LoweredCall<N>): void {
  const { kernel, stride, padding }: PoolAttributes = attributes
  const tensors = lowering.tensorList([...node.inputs, ...node.outputs])
  lowering.emit(instruction, [...tensors, kernel, stride, padding], node)
}
