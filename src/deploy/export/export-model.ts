/** A trained model in a format that other programs read. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../config/make-config.ts'
import type { Program } from '../../engine/graph/program.ts'
import { type Checkpoint, findCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { exportBranch, writeWholeSafetensors } from '../../train/checkpoint/export.ts'
import { refuseOtherNetwork } from '../../train/checkpoint/model-description.ts'
import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import { openRunFolder } from '../../train/run/run-folder.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { packageVersion } from '../../vocabulary/package-version.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import { foldBatchNorm, NOTHING_FOLDED } from '../lowering/fold-batch-norm.ts'
import type { Deployment } from '../lowering/lower-nodes.ts'
import { type DeployedModel, type MemberChoice, type ModelChoice, openModel } from '../model/open-model.ts'
import { lowerToOnnx, type OnnxInput } from '../onnx/lower-program.ts'
import { encodeModel } from '../onnx/onnx-model.ts'
import { graphModelFiles, lowerToGraphModel } from '../tfjs/graph-model.ts'
import { webFolderFiles } from '../web/web-folder.ts'
import { type ExportFormat, FORMAT_ENDINGS } from './export-formats.ts'
import { exportMetadata, exportRecord } from './export-metadata.ts'
import { EXPORT_MARK, type ExportedFile, writeExportedFile, writeExportedFolder } from './write-export.ts'

export interface ExportChoice extends ModelChoice {
  readonly format: ExportFormat
  /** Whether batch norms become part of the layers before them (default: no). */
  readonly foldBatchNorm?: boolean | undefined
  /** Of ONNX (default: float32, normalised before). */
  readonly input?: OnnxInput | undefined
  /** File or folder to write (default: in the folder of the run, or beside the export). */
  readonly out?: string | undefined
}

/** What was written. */
export interface Exported {
  readonly path: string
  /** Weights and running averages that were written, and their numbers. */
  readonly tensors: number
  readonly numbers: number
}

/** Bytes of a file of Protocol Buffers, which say their lengths in 31 bits. */
const LARGEST_PROTOBUF = 2 ** 31 - 1

/**
 * @param source folder of a run, or a safetensors file of ours
 * @param notice told what the user may not expect
 * @throws UserFault where the source has no such model, the format cannot hold it, or nothing can be written; what was there is
 *   then as it was
 */
export async function exportModel(
  source: string,
  choice: ExportChoice,
  notice: (text: string) => void,
): Promise<Exported> {
  refuseContradictions(choice)
  if (choice.format === 'safetensors') return await exportSafetensors(source, choice, notice)
  const model = await openModel(source, choice)
  const out = choice.out ?? (await defaultPath(source, choice, model.member))
  if (choice.format === 'onnx') await exportOnnx(model, choice, out)
  else await exportGraphModel(model, choice, out)
  return { path: out, ...countsOf(model.tensors) }
}

function refuseContradictions({ format, foldBatchNorm, input }: ExportChoice): void {
  if (foldBatchNorm === true && format === 'safetensors') {
    const remedy = 'Leave it out: PyTorch has the batch norms too. Or choose onnx, tfjs or web.'
    throw expected('--format onnx, tfjs or web', '--fold-batch-norm', format, remedy)
  }
  if (input !== undefined && format !== 'onnx') {
    throw expected('--format onnx', '--input', format, 'Leave it out: it says what the input of an ONNX model is.')
  }
}

/** @returns the program and its weights, batch norm folded where that is wanted */
function prepare(
  model: DeployedModel,
  { foldBatchNorm: fold }: ExportChoice,
): Deployment & { readonly program: Program } {
  const program = model.capture(1)
  const tensors = new Map(model.tensors.map((tensor) => [tensor.name, tensor]))
  return { program, tensors, folded: fold === true ? foldBatchNorm(program, tensors) : NOTHING_FOLDED }
}

async function exportOnnx(model: DeployedModel, choice: ExportChoice, out: string): Promise<void> {
  const { program, ...deployment } = prepare(model, choice)
  const input = choice.input ?? 'float32'
  const graph = lowerToOnnx(program, deployment, input)
  const parts = encodeModel({
    ...graph,
    name: model.description.architecture.network,
    producerVersion: packageVersion(),
    metadata: exportMetadata(model, input === 'uint8'),
  })
  const bytes = parts.reduce((sum, part) => sum + part.length, 0)
  if (bytes > LARGEST_PROTOBUF) {
    throw expected('less than 2 GiB', 'a file of ONNX', `${bytes} bytes`, 'Export one member, or to safetensors.')
  }
  await writeExportedFile(out, parts)
}

async function exportGraphModel(model: DeployedModel, choice: ExportChoice, out: string): Promise<void> {
  const { program, ...deployment } = prepare(model, choice)
  const graph = lowerToGraphModel(program, deployment)
  const record = exportRecord(model, true)
  const files = choice.format === 'web' ? await webFolderFiles(model, graph, record) : graphModelFiles(graph, record)
  await writeExportedFolder(out, [...files, markOf(model, choice.format)])
}

/** What was exported, for people. */
function markOf(model: DeployedModel, format: ExportFormat): ExportedFile {
  const record = { format, version: packageVersion(), source: model.source, ...exportRecord(model, true) }
  return { name: EXPORT_MARK, parts: [`${JSON.stringify(record, null, 2)}\n`] }
}

async function exportSafetensors(
  source: string,
  choice: ExportChoice,
  notice: (text: string) => void,
): Promise<Exported> {
  const { member = 0, checkpoint, ema = false } = choice
  if (member !== 'ensemble' && (await isFolder(source))) {
    const { folder: run } = await openRunFolder(source)
    const out = choice.out ?? (await defaultPath(source, choice, member))
    const folder = await findCheckpoint(run, checkpoint ?? 'latest')
    const check = async ({ description }: Checkpoint) => {
      if (description !== null) refuseOtherNetwork(description, folder, await readConfig(run), run)
      else notice(`${folder} is from before runs said their classes and input: the export does not either.`)
    }
    const tensors = await exportBranch(folder, member, out, check, ema)
    return { path: out, ...countsOf(tensors) }
  }
  const model = await openModel(source, choice)
  const out = choice.out ?? (await defaultPath(source, choice, model.member))
  const metadata = { format: 'pt', ...exportMetadata(model, false) }
  await writeWholeSafetensors(out, model.tensors, metadata)
  return { path: out, ...countsOf(model.tensors) }
}

/** `branch-0.onnx` (`branch-0-ema.onnx`) in the folder of a run, `<export>.onnx` beside an export. */
async function defaultPath(source: string, { format, ema }: ExportChoice, member: MemberChoice): Promise<string> {
  const name = `${member === 'ensemble' ? 'ensemble' : `branch-${member}`}${ema === true ? '-ema' : ''}`
  const ending = FORMAT_ENDINGS[format]
  if (await isFolder(source)) return join(source, `${name}${ending}`)
  return `${source.replace(/\.safetensors$/, '')}${ending}`
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

function countsOf(tensors: readonly NamedTensor[]): Pick<Exported, 'tensors' | 'numbers'> {
  return { tensors: tensors.length, numbers: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0) }
}
