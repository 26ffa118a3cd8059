import type { CrossEntropyAttributes, LossOps } from '../../graph/ops/losses.ts'
import { type ProgramNode, typeOf, type ValueId } from '../../graph/program.ts'
import type { Lowering } from './lowering.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { float, type Word } from './plan-words.ts'

export const LOSS_LOWERINGS: LoweringsOf<keyof LossOps> = {
  CrossEntropy: {
    rows: ['logits'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const logits = input('logits')
      const words = crossEntropyWords(lowering, attributes, logits)
      const instruction = isSmoothed(attributes) ? 'smoothedCrossEntropy' : 'crossEntropy'
      emitRowSum(lowering, instruction, node, output('loss'), (loss) => [lowering.tensor(logits), loss, ...words])
    },
  },
  CrossEntropyGrad: {
    rows: ['logits'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const logits = input('logits')
      const words = crossEntropyWords(lowering, attributes, logits)
      const tensors = lowering.tensorList([logits, output('dlogits')])
      const instruction = isSmoothed(attributes) ? 'smoothedCrossEntropyGrad' : 'crossEntropyGrad'
      lowering.emit(instruction, [lowering.uniformScalar(input('dloss')), ...tensors, ...words], node)
    },
  },
  KullbackLeibler: {
    rows: ['teacher', 'student'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const tensors = lowering.tensorList([input('teacher'), input('student')])
      const words = divergenceWords(lowering, attributes.temperature, input('student'))
      emitRowSum(lowering, 'kullbackLeibler', node, output('divergence'), (sum) => [...tensors, sum, ...words])
    },
  },
  KullbackLeiblerGrad: {
    rows: ['teacher', 'student'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const tensors = lowering.tensorList([input('teacher'), input('student'), output('dstudent')])
      const words = divergenceWords(lowering, attributes.temperature, input('student'))
      lowering.emit('kullbackLeiblerGrad', [lowering.uniformScalar(input('dloss')), ...tensors, ...words], node)
    },
  },
  TopKCorrect: {
    rows: ['logits'],
    lower: ({ lowering, node, attributes, input, output }) => {
      const logits = lowering.tensor(input('logits'))
      emitRowSum(lowering, 'topKCorrect', node, output('correct'), (count) => [logits, count, attributes.k])
    },
  },
}

/** A loss or count: each thread's share, then summed over the threads. */
export function emitRowSum(
  lowering: Lowering,
  instruction: string,
  node: ProgramNode,
  sum: ValueId,
  words: (result: number) => Word[],
): void {
  const result = lowering.scalar(sum)
  lowering.reducedScalars.push(result)
  lowering.emit(instruction, words(result), node)
}

/**
 * Factor of a sum over this replica's rows, and where the labels begin: those of the partners lie behind the images' own;
 * then the smoothing where there is some.
 */
function crossEntropyWords(lowering: Lowering, attributes: CrossEntropyAttributes, logits: ValueId): Word[] {
  const { reduction, labels, smoothing = 0 } = attributes
  const factor = reduction === 'sum' ? 1 : 1 / rowsOf(lowering, logits)
  const smoothed = isSmoothed(attributes) ? [float(smoothing)] : []
  return [float(factor), labels === 'partner' ? lowering.program.batch : 0, ...smoothed]
}

function isSmoothed({ smoothing = 0 }: CrossEntropyAttributes): boolean {
  return smoothing > 0
}

/** Temperature, and the factor that makes a sum over rows the batch's mean. */
export function divergenceWords(lowering: Lowering, temperature: number, student: ValueId): Word[] {
  return [float(temperature), float(1 / rowsOf(lowering, student))]
}

function rowsOf({ program }: Lowering, logits: ValueId): number {
  return typeOf(program, logits).shape[0] ?? 1
}
