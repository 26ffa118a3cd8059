import { type Program, typeOf } from '../../engine/graph/program.ts'
import { LOGITS } from '../../engine/step/inference-program.ts'
import { type Deployment, lowerNodes } from '../lowering/lower-nodes.ts'
import { CLASSIFIER_LOWERINGS } from './lower-classifier.ts'
import { IMAGE_LOWERINGS } from './lower-images.ts'
import { LAYER_LOWERINGS } from './lower-layers.ts'
import { OnnxGraph } from './onnx-graph.ts'
import type { OnnxModel, OnnxValue } from './onnx-model.ts'

/** What the model's input is: pixels u8 [B, H, W, 3], or images f32 [B, 3, H, W] that were normalised before. */
export type OnnxInput = 'uint8' | 'float32'

const LOWERINGS = { ...LAYER_LOWERINGS, ...IMAGE_LOWERINGS, ...CLASSIFIER_LOWERINGS }
/** For images that come normalised. */
const NORMALISED: typeof LOWERINGS = { ...LOWERINGS, Normalise: ({ value }) => value('pixels') }

const IMAGES = 'images'
/** Name of the size that each run chooses. */
const BATCH = 'batch'

/**
 * An inference program as an ONNX graph: `images` in, `logits` out, for any batch.
 * @throws UserFault for an operation that is not written
 */
export function lowerToOnnx(
  program: Program,
  deployment: Deployment,
  inputType: OnnxInput,
): Pick<OnnxModel, 'nodes' | 'tensors' | 'input' | 'output'> {
  const graph = new OnnxGraph()
  const format = {
    ...{ name: 'ONNX', graph },
    lowerings: inputType === 'uint8' ? LOWERINGS : NORMALISED,
    enter: (label: string) => graph.enter(label),
  }
  const input = inputOf(program, inputType)
  graph.output(lowerNodes(program, deployment, format, graph.input(IMAGES)), LOGITS)
  const classes = program.outputs.map(({ value }) => typeOf(program, value).shape[1] ?? 0)
  const output: OnnxValue = { name: LOGITS, type: 'float', shape: [BATCH, ...classes] }
  return { nodes: graph.nodes, tensors: graph.tensors, input, output }
}

function inputOf(program: Program, input: OnnxInput): OnnxValue {
  const [, height = 0, width = 0, channels = 0] = program.images === null ? [] : typeOf(program, program.images).shape
  return input === 'uint8'
    ? { name: IMAGES, type: 'uint8', shape: [BATCH, height, width, channels] }
    : { name: IMAGES, type: 'float', shape: [BATCH, channels, height, width] }
}
