import { join } from 'node:path'

/** Where each file of a run lies; `checkpoints/` belongs to src/train/checkpoint. */
export interface RunFiles {
  readonly folder: string
  /** RunConfig as JSON. */
  readonly config: string
  /** MachineReport as JSON. */
  readonly machine: string
  /** One MetricsLine a line. */
  readonly metrics: string
  /** TensorBoard event files: `tensorboard --logdir <run>`. */
  readonly events: string
  readonly report: string
  /** First augmented batch as a picture. */
  readonly samples: string
  /** What could not be told on the terminal. */
  readonly notes: string
}

export function runFiles(folder: string): RunFiles {
  return {
    folder,
    config: join(folder, 'config.json'),
    machine: join(folder, 'machine.json'),
    metrics: join(folder, 'metrics.jsonl'),
    events: join(folder, 'events'),
    report: join(folder, 'report.html'),
    samples: join(folder, 'samples.png'),
    notes: join(folder, 'notes.log'),
  }
}
