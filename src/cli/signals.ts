/**
 * Every signal that asks this process to end, from the first moment of our code on. Imported first of all: until a listener
 * is there, SIGUSR1 (which SLURM sends before it ends a job) opens Node's debugger on a port.
 */
import inspector from 'node:inspector'
import { constants } from 'node:os'
import { END_SIGNALS, type EndSignal } from '../vocabulary/end-signals.ts'
import { EXIT } from './failure.ts'
import { startedByNohup } from './nohup.ts'

/** From a batch system that is about to take the machine away: the job is to be put into the queue again. */
const REQUEUED: ReadonlySet<EndSignal> = new Set(['SIGUSR1', 'SIGUSR2', 'SIGXCPU', 'SIGPWR'])
/** The only ones that people send, and so may send again to end at once. */
const OF_PEOPLE: ReadonlySet<EndSignal> = new Set(['SIGINT', 'SIGTERM', 'SIGQUIT'])
/** One Ctrl-C may arrive twice: from the terminal and from a launcher that hands it on (npm, mpiexec, timeout). */
const SAME_REQUEST_MS = 500
/** After this time Node has opened its debugger if it was asked to before we listened. */
const DEBUGGER_MS = 200

/** Takes a signal for the command that is at work. */
export type SignalTaker = (signal: EndSignal) => void

let taker: SignalTaker | null = null
let first: { readonly signal: EndSignal; readonly at: number } | null = null

/** The exit code of a process that a signal ended: 75 where the job is to be queued again, otherwise 128 and its number. */
function exitCodeOf(signal: EndSignal): number {
  return REQUEUED.has(signal) ? EXIT.requeue : 128 + (constants.signals[signal] ?? 0)
}

/** What an interrupted command ends with: by the signal that came; without one, another host asked for the end. */
export function interruptedCode(): number {
  return first === null ? EXIT.interrupted : exitCodeOf(first.signal)
}

/**
 * From now on the first signal is told to `take`; the same one again ends the process at once where people send it, all
 * others are ignored while the process ends.
 * @returns gives the signals back; where one has come, further ones stay ignored until the process has ended
 */
export function takeSignals(take: SignalTaker): () => void {
  taker = take
  return () => {
    if (first === null) taker = null
  }
}

/** Installs the listeners; call once, before anything else. */
export function listenForSignals(): void {
  for (const signal of END_SIGNALS) process.on(signal, () => receive(signal))
  closeUnwantedDebugger()
  setTimeout(closeUnwantedDebugger, DEBUGGER_MS).unref()
}

function receive(signal: EndSignal): void {
  if (signal === 'SIGHUP' && startedByNohup()) return
  if (taker === null) endByDefault(signal)
  else if (first === null) {
    first = { signal, at: performance.now() }
    taker(signal)
  } else if (signal === first.signal && OF_PEOPLE.has(signal) && performance.now() - first.at > SAME_REQUEST_MS) {
    process.exit(exitCodeOf(signal))
  }
}

/** A command with nothing to save ends as any program does, so that the caller sees which signal it was. */
function endByDefault(signal: EndSignal): void {
  if (REQUEUED.has(signal)) process.exit(EXIT.requeue)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // The first process of a container is spared by the kernel.
  process.exit(exitCodeOf(signal))
}

/** SIGUSR1 before our listener was there asked for the debugger; it is closed, and the signal taken as it was meant. */
function closeUnwantedDebugger(): void {
  const asked = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => option.includes('--inspect'))
  if (asked) return
  if (inspector.url() === undefined) return
  inspector.close()
  receive('SIGUSR1')
}
