import { readConfig } from '../config/make-config.ts'
import type { RunConfig } from '../config/run-config.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { fileErrorCode } from '../vocabulary/file-fault.ts'
import { type EvalLine, type MetricsLine, readMetrics } from './metrics.ts'
import { finalEvaluation } from './run-end.ts'
import { runFiles } from './run-files.ts'

/** What a run folder tells of its run. */
export interface RunResult {
  readonly folder: string
  readonly config: RunConfig
  readonly lines: readonly MetricsLine[]
  /** null where the run is not at its end. */
  readonly final: EvalLine | null
}

/** @throws UserFault where the folder holds no run, or damaged files */
export async function readRun(folder: string): Promise<RunResult> {
  const config = await readConfig(folder)
  const lines = await readMetricsIfAny(runFiles(folder).metrics)
  return { folder, config, lines, final: finalEvaluation(config, lines) }
}

async function readMetricsIfAny(path: string): Promise<MetricsLine[]> {
  try {
    return await readMetrics(path)
  } catch (error) {
    if (error instanceof UserFault && fileErrorCode(error.cause) === 'ENOENT') return []
    throw error
  }
}
