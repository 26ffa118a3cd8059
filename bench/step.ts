/**
 * `npm run bench:step`: time of one training step here, in PyTorch and in TensorFlow.js on the same task. Every mode of
 * every baseline is a process of its own; rounds go through all in turn, so that a slow minute of the machine hits all alike.
 */
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { type Baseline, findBaselines } from './baselines/baseline-catalogue.ts'
import { BaselineProcess } from './baselines/baseline-process.ts'
import type { StepTask } from './baselines/step-task.ts'
import { loadAverage, type MachineFacts, machineFacts } from './machine-facts.ts'
import { figuresOf, type ModeFigures, type ModeTimes, printTable } from './step-report.ts'
import { readSettings, type Settings, STEP_HELP } from './step-settings.ts'
import { printTargets, type TargetRatio, targetRatios } from './step-targets.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, writeResult } from './write-result.ts'

const REMEDY = 'What each said is above; docs/baselines.md says what they need.'

/** One mode of one baseline in its process. */
interface Candidate {
  readonly baseline: Baseline
  readonly mode: string
  /** null between two measurements with --fresh. */
  process: BaselineProcess | null
  readonly ms: number[]
  loss: number
  peakRssBytes: number
  /** What it says of how it runs, last. */
  remark: string | null
  failure: string | null
}

interface Benchmark {
  readonly date: string
  readonly task: StepTask
  readonly rounds: number
  readonly stepsPerRound: number
  readonly machine: MachineFacts
  /** Load average of the last minute before the first round, and after the last. */
  readonly load: { readonly before: number; readonly after: number }
  readonly figures: readonly ModeFigures[]
  readonly ratios: readonly TargetRatio[]
  readonly failures: readonly { readonly baseline: string; readonly mode: string; readonly reason: string }[]
  readonly times: readonly ModeTimes[]
}

/** Baselines that are asked for and work here; absent ones are told with what installs them. */
function chooseBaselines({ baselines, python, task, before }: Settings): Baseline[] {
  const known = findBaselines(python, task.device, before)
  const unknown = baselines?.find((name) => known.every((baseline) => baseline.name !== name))
  if (unknown !== undefined) {
    throw expected(known.map(({ name }) => name).join(', '), '--baselines', unknown, 'Name them with commas between.')
  }
  // XLA on a CPU, ours or JAX's, is no candidate of ours, but it can be asked for.
  const usual = (name: string) => {
    if (name === 'before') return before !== null
    return (name !== 'xla' && name !== 'jax') || task.device === 'gpu'
  }
  const wanted = known.filter(({ name }) => (baselines === null ? usual(name) : baselines.includes(name)))
  for (const { name, absence, remedy } of wanted) {
    if (absence !== null) console.log(`${name} is left out: ${absence}\n  install it: ${remedy}`)
  }
  return wanted.filter(({ absence }) => absence === null)
}

/** A process for each mode: so a mode's peak memory is its own. */
async function listCandidates(
  baselines: readonly Baseline[],
  { task, modes }: Settings,
): Promise<{ candidates: Candidate[]; versions: Record<string, string> }> {
  const candidates: Candidate[] = []
  const versions: Record<string, string> = {}
  for (const baseline of baselines) {
    const first = new BaselineProcess(baseline.command(task))
    const known = await first.modes().catch((error: Error) => {
      throw new UserFault(`Expected ${baseline.name} to start but received: ${error.message}`, baseline.remedy)
    })
    await first.stop()
    Object.assign(versions, known.versions)
    for (const mode of known.modes.filter((name) => modes === null || modes.includes(name))) {
      candidates.push({
        baseline,
        mode,
        process: null,
        ms: [],
        loss: Number.NaN,
        peakRssBytes: 0,
        remark: null,
        failure: null,
      })
    }
  }
  if (candidates.length === 0) {
    throw expected('at least one mode', '--modes', modes?.join(',') ?? 'none', 'Leave --modes out for all of them.')
  }
  return { candidates, versions }
}

/** Lets the candidate's process do something; with --fresh it is there for that alone. */
async function ask<Reply>(
  candidate: Candidate,
  { task, fresh }: Settings,
  request: (process: BaselineProcess) => Promise<Reply>,
): Promise<Reply> {
  candidate.process ??= new BaselineProcess(candidate.baseline.command(task))
  try {
    return await request(candidate.process)
  } finally {
    if (fresh) {
      await candidate.process.stop()
      candidate.process = null
    }
  }
}

/** Measures once; a failure puts the candidate out of the later rounds and leaves the others. */
async function measure(candidate: Candidate, settings: Settings, steps: number): Promise<readonly number[]> {
  const { baseline, mode } = candidate
  try {
    const { ms, loss, peakRssBytes, remark } = await ask(candidate, settings, (process) => process.measure(mode, steps))
    const peak = Math.max(peakRssBytes, candidate.peakRssBytes)
    Object.assign(candidate, { loss, peakRssBytes: peak, remark: remark ?? null })
    return ms
  } catch (error) {
    candidate.failure = error instanceof Error ? error.message : String(error)
    console.log(`${baseline.name} ${mode} is out: ${candidate.failure}`)
    return []
  }
}

async function runRounds(candidates: readonly Candidate[], settings: Settings): Promise<void> {
  const { rounds, steps } = settings
  // Building and compiling every mode first: none of it may fall into another's measurement.
  for (const candidate of candidates) {
    console.log(`preparing ${candidate.baseline.name} ${candidate.mode}`)
    await measure(candidate, settings, 1)
  }
  for (let round = 1; round <= rounds && candidates.some(({ failure }) => failure === null); round++) {
    const able = candidates.filter(({ failure }) => failure === null)
    // There and back: what a mode leaves behind in the machine does not always meet the same one.
    for (const candidate of round % 2 === 1 ? able : able.reverse()) {
      candidate.ms.push(...(await measure(candidate, settings, steps)))
    }
    const best = candidates.filter(({ ms }) => ms.length > 0).map(({ ms }) => Math.min(...ms).toFixed(0))
    console.log(`round ${round} of ${rounds}; best ms so far: ${best.join(' ')}`)
  }
}

/** Share of a step that is convolutions, forward and both gradients. */
async function convolutionShare(candidate: Candidate, settings: Settings): Promise<number | null> {
  const { baseline, mode, failure } = candidate
  if (baseline.name !== 'own' || failure !== null) return null
  const { byOp = {} } = await ask(candidate, settings, (process) => process.profile(mode, settings.steps))
  const sum = (entries: readonly (readonly [string, number])[]) => entries.reduce((total, [, ms]) => total + ms, 0)
  const all = Object.entries(byOp)
  return sum(all.filter(([op]) => op.startsWith('Conv2D'))) / sum(all)
}

function printReport(benchmark: Benchmark): string {
  const { date, task, machine, load, figures, ratios, failures, rounds, stepsPerRound, times } = benchmark
  const { network, side, branches, classes, batch, threads } = task
  const words = (facts: Readonly<Record<string, string>>) =>
    Object.entries(facts)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')
  return [
    `# One training step, ${date}`,
    `${network}, ${branches} branches, ${classes} classes, batch ${batch} of ${side} x ${side}, ${task.device === 'gpu' ? 'one GPU' : `${threads} threads`}; ` +
      `${rounds} rounds of ${stepsPerRound} steps through all modes in turn.`,
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; ` +
      `${machine.instructions.join(' ')}.`,
    `Versions: ${words(machine.libraries)}. ` +
      `Load average before ${load.before.toFixed(2)}, after ${load.after.toFixed(2)}.`,
    printTable(figures),
    'spread = distance between the quartiles over the median; x PyTorch = images per second, then peak memory of the ' +
      'process, against its fastest mode of the same precision; conv = share of convolutions in the step; step/conv = ' +
      'time of the step over that of its own convolutions, both by the clocks of the addon.',
    ...times.flatMap(({ baseline, mode, remark }) => (remark === null ? [] : [`${baseline} ${mode}: ${remark}`])),
    '## Ratios',
    printTargets(ratios),
    ...failures.map(({ baseline, mode, reason }) => `${baseline} ${mode} failed: ${reason}`),
  ].join('\n\n')
}

/** Figures of GPUs and of processors held to AVX2 are no later ones of what a CPU does. */
function subjectOf({ network, device }: StepTask, versions: Readonly<Record<string, string>>): string {
  if (device === 'gpu') return `${network}-gpu`
  return versions['instructionSet'] === 'avx2' ? `${network}-avx2` : network
}

async function main(): Promise<void> {
  const settings = readSettings()
  if (settings === null) return console.log(STEP_HELP)
  const before = loadAverage()
  if (before > allowedCores().length / 4) {
    console.log(`Load average ${before.toFixed(2)}: other programs are running, these figures will not be trustworthy`)
  }
  const { candidates, versions } = await listCandidates(chooseBaselines(settings), settings)
  try {
    await runRounds(candidates, settings)
    const times: ModeTimes[] = []
    for (const candidate of candidates.filter(({ ms }) => ms.length > 0)) {
      const { baseline, mode, ms, loss, peakRssBytes, remark } = candidate
      const share = await convolutionShare(candidate, settings)
      times.push({ baseline: baseline.name, mode, ms, loss, peakRssBytes, remark, convolutionShare: share })
    }
    // Nothing measured: earlier figures stay as they are.
    if (times.length === 0) throw new UserFault('Expected at least one mode to run but received none', REMEDY)
    const figures = figuresOf(times, settings.task.batch)
    const benchmark: Benchmark = {
      date: new Date().toISOString().slice(0, 10),
      task: settings.task,
      rounds: settings.rounds,
      stepsPerRound: settings.steps,
      machine: machineFacts(versions),
      load: { before, after: loadAverage() },
      figures,
      ratios: targetRatios(settings.task.network, figures),
      failures: candidates.flatMap(({ baseline, mode, failure }) =>
        failure === null ? [] : [{ baseline: baseline.name, mode, reason: failure }],
      ),
      times,
    }
    const report = printReport(benchmark)
    console.log(`\n${report}\n`)
    const folder = makeResultFolder(settings.kept, { bench: 'step', subject: subjectOf(settings.task, versions) })
    console.log(writeResult(folder, report, benchmark))
    if (benchmark.failures.some(({ baseline }) => baseline === 'own')) process.exitCode = 1
  } finally {
    await Promise.all(candidates.map(({ process: child }) => child?.stop()))
  }
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
