/**
 * `npm run bench:step`: time of one training step here, in PyTorch and in TensorFlow.js on the same task. Every mode of
 * every peer is a process of its own; rounds go through all in turn, so that a slow minute of the machine hits all alike.
 */
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { loadAverage, type MachineFacts, machineFacts } from './machine-facts.ts'
import { findPeers, type Peer } from './peers/peer-catalogue.ts'
import { PeerProcess } from './peers/peer-process.ts'
import type { StepTask } from './peers/step-task.ts'
import { figuresOf, type ModeFigures, type ModeTimes, printTable } from './step-report.ts'
import { readSettings, type Settings, STEP_HELP } from './step-settings.ts'
import { printTargets, type TargetRatio, targetRatios } from './step-targets.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, writeResult } from './write-result.ts'

const REMEDY = 'What each said is above; docs/peers.md says what they need.'

/** One mode of one peer in its process. */
interface Contestant {
  readonly peer: Peer
  readonly mode: string
  /** null between two measurements with --fresh. */
  process: PeerProcess | null
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
  readonly failures: readonly { readonly peer: string; readonly mode: string; readonly reason: string }[]
  readonly times: readonly ModeTimes[]
}

/** Peers that are asked for and work here; absent ones are told with what installs them. */
function choosePeers({ peers, python, task, before }: Settings): Peer[] {
  const known = findPeers(python, task.device, before)
  const unknown = peers?.find((name) => known.every((peer) => peer.name !== name))
  if (unknown !== undefined) {
    throw expected(known.map(({ name }) => name).join(', '), '--peers', unknown, 'Name them with commas between.')
  }
  // XLA on a CPU, ours or JAX's, is no contestant of ours, but it can be asked for.
  const usual = (name: string) => {
    if (name === 'before') return before !== null
    return (name !== 'xla' && name !== 'jax') || task.device === 'gpu'
  }
  const wanted = known.filter(({ name }) => (peers === null ? usual(name) : peers.includes(name)))
  for (const { name, absence, remedy } of wanted) {
    if (absence !== null) console.log(`${name} is left out: ${absence}\n  install it: ${remedy}`)
  }
  return wanted.filter(({ absence }) => absence === null)
}

/** A process for each mode: so a mode's peak memory is its own. */
async function listContestants(
  peers: readonly Peer[],
  { task, modes }: Settings,
): Promise<{ contestants: Contestant[]; versions: Record<string, string> }> {
  const contestants: Contestant[] = []
  const versions: Record<string, string> = {}
  for (const peer of peers) {
    const first = new PeerProcess(peer.command(task))
    const known = await first.modes().catch((error: Error) => {
      throw new UserFault(`Expected ${peer.name} to start but received: ${error.message}`, peer.remedy)
    })
    await first.stop()
    Object.assign(versions, known.versions)
    for (const mode of known.modes.filter((name) => modes === null || modes.includes(name))) {
      contestants.push({
        peer,
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
  if (contestants.length === 0) {
    throw expected('at least one mode', '--modes', modes?.join(',') ?? 'none', 'Leave --modes out for all of them.')
  }
  return { contestants, versions }
}

/** Lets the contestant's process do something; with --fresh it is there for that alone. */
async function ask<Reply>(
  contestant: Contestant,
  { task, fresh }: Settings,
  request: (process: PeerProcess) => Promise<Reply>,
): Promise<Reply> {
  contestant.process ??= new PeerProcess(contestant.peer.command(task))
  try {
    return await request(contestant.process)
  } finally {
    if (fresh) {
      await contestant.process.stop()
      contestant.process = null
    }
  }
}

/** Measures once; a failure puts the contestant out of the later rounds and leaves the others. */
async function measure(contestant: Contestant, settings: Settings, steps: number): Promise<readonly number[]> {
  const { peer, mode } = contestant
  try {
    const { ms, loss, peakRssBytes, remark } = await ask(contestant, settings, (process) =>
      process.measure(mode, steps),
    )
    const peak = Math.max(peakRssBytes, contestant.peakRssBytes)
    Object.assign(contestant, { loss, peakRssBytes: peak, remark: remark ?? null })
    return ms
  } catch (error) {
    contestant.failure = error instanceof Error ? error.message : String(error)
    console.log(`${peer.name} ${mode} is out: ${contestant.failure}`)
    return []
  }
}

async function runRounds(contestants: readonly Contestant[], settings: Settings): Promise<void> {
  const { rounds, steps } = settings
  // Building and compiling every mode first: none of it may fall into another's measurement.
  for (const contestant of contestants) {
    console.log(`preparing ${contestant.peer.name} ${contestant.mode}`)
    await measure(contestant, settings, 1)
  }
  for (let round = 1; round <= rounds && contestants.some(({ failure }) => failure === null); round++) {
    const able = contestants.filter(({ failure }) => failure === null)
    // There and back: what a mode leaves behind in the machine does not always meet the same one.
    for (const contestant of round % 2 === 1 ? able : able.reverse()) {
      contestant.ms.push(...(await measure(contestant, settings, steps)))
    }
    const best = contestants.filter(({ ms }) => ms.length > 0).map(({ ms }) => Math.min(...ms).toFixed(0))
    console.log(`round ${round} of ${rounds}; best ms so far: ${best.join(' ')}`)
  }
}

/** Share of a step that is convolutions, forward and both gradients. */
async function convolutionShare(contestant: Contestant, settings: Settings): Promise<number | null> {
  const { peer, mode, failure } = contestant
  if (peer.name !== 'own' || failure !== null) return null
  const { byOp = {} } = await ask(contestant, settings, (process) => process.profile(mode, settings.steps))
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
    ...times.flatMap(({ peer, mode, remark }) => (remark === null ? [] : [`${peer} ${mode}: ${remark}`])),
    '## Ratios',
    printTargets(ratios),
    ...failures.map(({ peer, mode, reason }) => `${peer} ${mode} failed: ${reason}`),
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
  const { contestants, versions } = await listContestants(choosePeers(settings), settings)
  try {
    await runRounds(contestants, settings)
    const times: ModeTimes[] = []
    for (const contestant of contestants.filter(({ ms }) => ms.length > 0)) {
      const { peer, mode, ms, loss, peakRssBytes, remark } = contestant
      const share = await convolutionShare(contestant, settings)
      times.push({ peer: peer.name, mode, ms, loss, peakRssBytes, remark, convolutionShare: share })
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
      failures: contestants.flatMap(({ peer, mode, failure }) =>
        failure === null ? [] : [{ peer: peer.name, mode, reason: failure }],
      ),
      times,
    }
    const report = printReport(benchmark)
    console.log(`\n${report}\n`)
    const folder = makeResultFolder(settings.kept, { bench: 'step', subject: subjectOf(settings.task, versions) })
    console.log(writeResult(folder, report, benchmark))
    if (benchmark.failures.some(({ peer }) => peer === 'own')) process.exitCode = 1
  } finally {
    await Promise.all(contestants.map(({ process: child }) => child?.stop()))
  }
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
