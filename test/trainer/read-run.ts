import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MetricsLine, readMetrics } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { checkpointFolder, loadCheckpoint, MODEL_FILE } from '../../src/train/checkpoint/checkpoint.ts'

/** What a run computed, in a form that two runs are compared in: bytes as hashes, times left out. */
export interface RunNumbers {
  /** SHA-256 of model.safetensors. */
  readonly model: string
  /** SHA-256 of each of the optimizer's states. */
  readonly optimizer: Readonly<Record<string, string>>
  /** Lines of metrics.jsonl without what the clock decides. */
  readonly metrics: readonly MetricsLine[]
}

/** @param step of the checkpoint to look at */
export async function readRun(folder: string, step: number): Promise<RunNumbers> {
  const checkpoint = checkpointFolder(folder, step)
  const { tensors } = await loadCheckpoint(checkpoint)
  const states = [...tensors.optimizer].map(([name, data]) => {
    return [name, sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
  })
  return {
    model: sha256(await readFile(join(checkpoint, MODEL_FILE))),
    optimizer: Object.fromEntries(states),
    metrics: (await readMetrics(runFiles(folder).metrics)).map(withoutTimes),
  }
}

function withoutTimes(line: MetricsLine): MetricsLine {
  const timeless = { ...line, images_per_second: 0 }
  return timeless.kind === 'epoch' ? { ...timeless, seconds: 0, input_wait: 0 } : timeless
}

/** All that lies below a folder, by its path: SHA-256 of files. */
export async function readFolder(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const hashes = files.map(async (path) => [path.slice(folder.length + 1), sha256(await readFile(path))])
  const folders = entries.filter((entry) => entry.isDirectory())
  const names = folders.map((entry) => [join(entry.parentPath, entry.name).slice(folder.length + 1), 'folder'])
  return Object.fromEntries([...names, ...(await Promise.all(hashes))].sort())
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
