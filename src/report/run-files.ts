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
  /** SampleLabels as JSON: what is on it. */
  readonly sampleLabels: string
  /** ClassCounts of the last evaluation as JSON. */
  readonly classes: string
  /** RunLength as JSON. */
  readonly length: string
  /** There while a process works on the run; touched every few seconds. */
  readonly lock: string
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
    sampleLabels: join(folder, 'samples.json'),
    classes: join(folder, 'classes.json'),
    length: join(folder, 'length.json'),
    lock: join(folder, 'run.lock'),
    notes: join(folder, 'notes.log'),
  }
}
