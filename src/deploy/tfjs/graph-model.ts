/** An inference program as a TensorFlow.js GraphModel: model.json and weight files, which tf.loadGraphModel reads. */
import { type Program, typeOf } from '../../engine/graph/program.ts'
import { LOGITS } from '../../engine/step/inference-program.ts'
import { packageVersion } from '../../vocabulary/package-version.ts'
import type { ExportedFile } from '../export/write-export.ts'
import { type Deployment, lowerNodes } from '../lowering/lower-nodes.ts'
import { GraphDef, type GraphWeight } from './graph-def.ts'
import { CLASSIFIER_LOWERINGS } from './lower-classifier.ts'
import { IMAGE_LOWERINGS } from './lower-images.ts'
import { LAYER_LOWERINGS } from './lower-layers.ts'

const LOWERINGS = { ...LAYER_LOWERINGS, ...IMAGE_LOWERINGS, ...CLASSIFIER_LOWERINGS }
const IMAGES = 'images'
/** Of one weight file, as TensorFlow.js' converter cuts them: browsers cache files of this size. */
const SHARD_BYTES = 4 * 1024 * 1024

/** What model.json says, weights left out. */
export interface GraphModel {
  readonly topology: { readonly node: GraphDef['nodes']; readonly versions: { readonly producer: number } }
  readonly signature: unknown
  readonly weights: readonly GraphWeight[]
}

/**
 * `images` in, f32 [batch, height, width, 3] of 0..255, which are normalised inside; `logits` out, [batch, classes].
 * @throws UserFault for an operation that is not written
 */
export function lowerToGraphModel(program: Program, deployment: Deployment): GraphModel {
  const graph = new GraphDef()
  const [, ...image] = program.images === null ? [] : typeOf(program, program.images).shape
  const format = { name: 'TensorFlow.js', graph, lowerings: LOWERINGS, enter: (label: string) => graph.enter(label) }
  const images = graph.placeholder(IMAGES, [-1, ...image])
  graph.output(lowerNodes(program, deployment, format, images), LOGITS)
  const classes = program.outputs.map(({ value }) => typeOf(program, value).shape[1] ?? 0)
  return {
    topology: { node: graph.nodes, versions: { producer: 1 } },
    signature: {
      inputs: { [IMAGES]: tensorInfo(IMAGES, [-1, ...image]) },
      outputs: { [LOGITS]: tensorInfo(LOGITS, [-1, ...classes]) },
    },
    weights: graph.weights,
  }
}

/** TensorInfo of a signature. */
function tensorInfo(name: string, shape: readonly number[]) {
  return { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: { dim: shape.map((size) => ({ size: String(size) })) } }
}

/** @param metadata for whoever loads the model, by name */
export function graphModelFiles(model: GraphModel, metadata: Readonly<Record<string, unknown>>): ExportedFile[] {
  const shards = cutIntoShards(model.weights)
  const names = shards.map((_, shard) => `group1-shard${shard + 1}of${shards.length}.bin`)
  const json = {
    ...modelJson(model, metadata),
    weightsManifest: [{ paths: names, weights: weightSpecs(model) }],
  }
  return [
    { name: 'model.json', parts: [JSON.stringify(json)] },
    ...shards.map((parts, shard) => ({ name: names[shard] ?? '', parts })),
  ]
}

export function modelJson({ topology, signature }: GraphModel, metadata: Readonly<Record<string, unknown>>) {
  return {
    format: 'graph-model',
    generatedBy: `native-ensemble ${packageVersion()}`,
    convertedBy: null,
    signature,
    userDefinedMetadata: metadata,
    modelTopology: topology,
  }
}

export function weightSpecs({ weights }: GraphModel) {
  return weights.map(({ name, shape, data }) => ({
    name,
    shape,
    dtype: data instanceof Int32Array ? 'int32' : 'float32',
  }))
}

/** The bytes of all weights, one behind the other. */
export function weightBytes(weights: readonly GraphWeight[]): Uint8Array[] {
  return weights.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

function cutIntoShards(weights: readonly GraphWeight[]): Uint8Array[][] {
  const shards: Uint8Array[][] = [[]]
  let room = SHARD_BYTES
  for (const bytes of weightBytes(weights)) {
    for (let from = 0; from < bytes.length; ) {
      if (room === 0) {
        shards.push([])
        room = SHARD_BYTES
      }
      const part = bytes.subarray(from, from + room)
      shards.at(-1)?.push(part)
      from += part.length
      room -= part.length
    }
  }
  return shards
}
