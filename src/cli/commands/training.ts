/** What `train` and `resume` have in common: progress, Ctrl-C, the result. */
import type { RunControl } from '../../api/control.ts'
import type { RankedOutcome } from '../../api/run.ts'
import { readConfig } from '../../config/make-config.ts'
import { classifierNames } from '../../report/classifier-names.ts'
import { printErrorTable } from '../../report/error-table.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import { runFiles } from '../../report/run-files.ts'
import { EXIT } from '../failure.ts'
import { type Interruption, listenForInterrupts } from '../interrupt.ts'
import { noteStreamFailures } from '../note-stream-failures.ts'
import { interruptedCode } from '../signals.ts'
import { PROGRESS_TARGET } from '../streams.ts'

/**
 * Progress goes to stderr, the result to stdout. Signals are taken from the moment when there is something to save.
 * @param training train or resume
 * @param uses what is said of a run that has ended
 * @returns the exit code
 */
export async function runTraining(
  training: (control: RunControl, display: ProgressDisplay) => Promise<RankedOutcome>,
  json: boolean,
  uses: (folder: string) => string = () => '',
): Promise<number> {
  const display = new ProgressDisplay(PROGRESS_TARGET)
  const stop = new AbortController()
  let interruption: Interruption | null = null
  let noteTheRest = async () => {}
  const onStart: RunControl['onStart'] = ({ folder, rank }) => {
    const follows = rank > 0
    interruption = listenForInterrupts(display, follows ? 'asking host 0 to finish the step and save.' : undefined)
    interruption.stop.addEventListener('abort', () => stop.abort())
    if (!follows) noteTheRest = noteStreamFailures(folder)
  }
  try {
    const outcome = await training({ signal: stop.signal, onStart }, display)
    return await tellEnd(outcome, json, uses)
  } finally {
    display.close()
    dispose(interruption)
    await noteTheRest()
  }
}

/** The compiler does not see that a callback has set it. */
function dispose(interruption: Interruption | null): void {
  interruption?.dispose()
}

async function tellEnd(outcome: RankedOutcome, json: boolean, uses: (folder: string) => string): Promise<number> {
  const { folder, ended, step, evaluation, rank } = outcome
  if (rank > 0) return ended === 'interrupted' ? interruptedCode() : EXIT.done
  if (ended === 'interrupted') {
    process.stderr.write(`Stopped after step ${step}. Go on with: native-ensemble resume ${folder}\n`)
    return interruptedCode()
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ run: folder, evaluation })}\n`)
    return EXIT.done
  }
  if (evaluation !== null) {
    const title = `Test error after step ${step}, percent of ${evaluation.images} images`
    const names = classifierNames(await readConfig(folder))
    process.stdout.write(`${printErrorTable(title, evaluation.top1_error, evaluation.top5_error, names)}\n`)
  }
  process.stdout.write(`Run: ${folder}\nReport: ${runFiles(folder).report}\n${uses(folder)}`)
  return EXIT.done
}
