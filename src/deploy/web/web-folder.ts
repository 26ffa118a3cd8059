/** A page with a model in it, as a folder that works from a disk or from any server. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault } from '../../vocabulary/file-fault.ts'
import type { ExportedFile } from '../export/write-export.ts'
import type { DeployedModel } from '../model/open-model.ts'
import { type GraphModel, modelJson, weightBytes, weightSpecs } from '../tfjs/graph-model.ts'
import { EMBEDDED_MODEL, type EmbeddedModel } from './embedded-model.ts'
import { indexHtml } from './index-html.ts'

/** Made by scripts/setup/web-page.mjs of page/page.ts and TensorFlow.js. */
const PAGE_SCRIPT = fileURLToPath(new URL('../../../web/page.js', import.meta.url))
/** Bytes that are one text: a multiple of three, so that Base64 has no padding within. */
const TEXT_BYTES = 3 * 1024 * 1024

/**
 * @param metadata what model.json says of the model
 * @throws UserFault where the page's script was not built
 */
export async function webFolderFiles(
  { description, preparation, member }: DeployedModel,
  graph: GraphModel,
  metadata: Readonly<Record<string, unknown>>,
): Promise<ExportedFile[]> {
  const script = await readPageScript()
  const { classNames, dataset, architecture } = description
  const title = `${architecture.network}${member === 'ensemble' ? ', ensemble' : ''}, ${dataset}`
  const bytes = Buffer.concat(weightBytes(graph.weights))
  const weights = Array.from({ length: Math.ceil(bytes.length / TEXT_BYTES) }, (_, part) =>
    bytes.subarray(part * TEXT_BYTES, (part + 1) * TEXT_BYTES).toString('base64'),
  )
  const embedded: EmbeddedModel = {
    ...{ title, classNames, preparation, weights },
    model: modelJson(graph, metadata),
    weightSpecs: weightSpecs(graph),
  }
  return [
    { name: 'index.html', parts: [indexHtml(title)] },
    { name: 'page.js', parts: [script] },
    { name: 'model.js', parts: [`globalThis.${EMBEDDED_MODEL} = `, JSON.stringify(embedded), '\n'] },
  ]
}

async function readPageScript(): Promise<Uint8Array> {
  try {
    return await readFile(PAGE_SCRIPT)
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'read', PAGE_SCRIPT)
    throw new UserFault(
      `Expected the script of the page for ${PAGE_SCRIPT} but received none.`,
      'Make it: npm run setup.',
    )
  }
}
