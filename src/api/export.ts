/** Models in files for other programs. */
import type { ExportFormat } from '../deploy/export/export-formats.ts'
import type { ExportChoice, Exported } from '../deploy/export/export-model.ts'
import { explained } from './begin.ts'

/** Which model, and in which form. */
export interface ExportOptions extends Partial<Omit<ExportChoice, 'format'>> {
  /** Default: `safetensors`, with PyTorch's names of parameters. */
  readonly format?: ExportFormat
  /** Told in words what the caller may not expect. */
  readonly onNote?: (text: string) => void
}

/**
 * Writes a member of a run, or the ensemble, as the plain network it is when deployed; as `native-ensemble export`.
 * @param source folder of a run, or a safetensors file that `exportModel` wrote
 * @returns the file or folder that was written, and how many tensors and numbers are in it
 * @throws UserFault where the source has no such model, the format cannot hold it, or nothing can be written; what was there is
 *   then as it was
 */
export async function exportModel(source: string, options: ExportOptions = {}): Promise<Exported> {
  const { format = 'safetensors', onNote, ...choice } = options
  return await explained(async () => {
    const { exportModel: write } = await import('../deploy/export/export-model.ts')
    return await write(source, { ...choice, format }, onNote ?? (() => undefined))
  })
}
