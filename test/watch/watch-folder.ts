import { mkdir, writeFile } from 'node:fs/promises'
import { countClasses } from '../../src/report/class-counts.ts'
import type { MetricsLine } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { writeSamplePicture } from '../../src/report/sample-picture.ts'
import { writeJson } from '../../src/report/write-whole.ts'
import { evalLine, STEPS_PER_EPOCH } from '../report/made-up-run.ts'

export const printLines = (lines: readonly MetricsLine[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

/** A run's folder as the trainer leaves it while the run goes on. */
export async function writeRun(folder: string, lines: readonly MetricsLine[], epochs: number): Promise<void> {
  const files = runFiles(folder)
  await mkdir(folder, { recursive: true })
  const config = { network: 'resnet-8', method: 'one', branches: 2, dataset: 'cifar10', steps: null, epochs, batch: 20 }
  await writeJson(files.config, config)
  await writeFile(files.metrics, printLines(lines))
  await writeJson(files.length, { steps: epochs * STEPS_PER_EPOCH, epochs, steps_per_epoch: STEPS_PER_EPOCH })
  const predicted = new Map([['0', [0, 1, 1, 1]]])
  await writeJson(files.classes, countClasses(evalLine(0), { labels: [0, 0, 1, 1], predicted }, ['cat', 'dog']))
  await writeSamplePicture(files.samples, { data: new Uint8Array(24), count: 2, height: 2, width: 2 }, 2)
  await writeJson(files.sampleLabels, { columns: 2, labels: ['cat', 'dog'] })
}
