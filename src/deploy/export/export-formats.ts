export const EXPORT_FORMATS = ['safetensors', 'onnx', 'tfjs', 'web'] as const
/** Forms of a model that other programs read. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** What a file of the format ends with, or a folder of those that are folders. */
export const FORMAT_ENDINGS: Readonly<Record<ExportFormat, string>> = {
  safetensors: '.safetensors',
  onnx: '.onnx',
  tfjs: '-tfjs',
  web: '-web',
}
