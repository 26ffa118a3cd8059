/** What `train` and `resume` have in common: progress, Ctrl-C, the result. */
import type { RunConfig } from '../../config/run-config.ts'
import { classifierNames } from '../../report/classifier-names.ts'
import { printErrorTable } from '../../report/error-table.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import type { TrainHooks } from '../../train/run/running-run.ts'
import type { TrainOutcome } from '../../train/run/train.ts'
import { EXIT } from '../failure.ts'
import { listenForInterrupts } from '../interrupt.ts'
import { noteStreamFailures } from '../note-stream-failures.ts'
import { interruptedCode } from '../signals.ts'
import { PROGRESS_TARGET } from '../streams.ts'

/**
 * Progress goes to stderr, the result to stdout.
 * @param training train or resume
 * @returns the exit code
 */
export async function runTraining(
  config: RunConfig,
  training: (hooks: TrainHooks) => Promise<TrainOutcome>,
  json: boolean,
): Promise<number> {
  const display = new ProgressDisplay(PROGRESS_TARGET)
  const interruption = listenForInterrupts(display)
  const noteTheRest = noteStreamFailures(config.out)
  try {
    const { files, ended, step, evaluation } = await training({ display, stop: interruption.stop })
    display.close()
    if (ended === 'interrupted') {
      process.stderr.write(`Stopped after step ${step}. Go on with: native-ensemble resume ${files.folder}\n`)
      return interruptedCode()
    }
    if (json) process.stdout.write(`${JSON.stringify({ run: files.folder, evaluation })}\n`)
    else {
      if (evaluation !== null) {
        const title = `Test error after step ${step}, percent of ${evaluation.images} images`
        process.stdout.write(
          `${printErrorTable(title, evaluation.top1_error, evaluation.top5_error, classifierNames(config))}\n`,
        )
      }
      process.stdout.write(`Run: ${files.folder}\nReport: ${files.report}\n`)
    }
    return EXIT.done
  } finally {
    display.close()
    interruption.dispose()
    await noteTheRest()
  }
}
