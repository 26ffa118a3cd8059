/** What `native-ensemble devices` says of this executor. */
import { spawnSync } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserFault } from '../../../vocabulary/fault.ts'
import type { DeviceReport } from '../executor.ts'
import { findPlugin, type XlaPlatform } from './find-plugin.ts'
import type { XlaDevices } from './open-client.ts'
import type { TriedDevices } from './try-devices.ts'

const entry = new URL(`../../../../workers/try-devices${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** Of the whole process, and of a run in it. */
const PATIENCE_SECONDS = 180
const RUN_PATIENCE_SECONDS = 60

/** What the process of a trial says. */
type Answer = { readonly tried: TriedDevices } | { readonly message: string; readonly remedy: string }

/** A line a platform: its devices have compiled and run something, in a process of their own. */
export function describeXla(): DeviceReport[] {
  const platforms: readonly XlaPlatform[] = ['gpu', 'cpu']
  return platforms.map((platform) => {
    const base = { executor: 'xla', device: platform === 'cpu' ? 'xla-cpu' : 'gpu' }
    try {
      const { origin } = findPlugin(platform, null)
      return {
        ...base,
        ...describe(origin, askProcess({ platform, devices: platform === 'cpu' ? 1 : null, plugin: null })),
      }
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      return { ...base, works: false, detail: error.message, remedy: error.remedy }
    }
  })
}

/** @throws UserFault with why they do not work */
function askProcess(wanted: XlaDevices): TriedDevices {
  const { output, status, signal, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(entry), JSON.stringify(wanted)],
    {
      encoding: 'utf8',
      // What was compiled earlier would hide that nothing can be compiled now.
      env: { ...process.env, NATIVE_ENSEMBLE_XLA_CACHE: '', NATIVE_ENSEMBLE_XLA_TIMEOUT: String(RUN_PATIENCE_SECONDS) },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      timeout: 1000 * PATIENCE_SECONDS,
      killSignal: 'SIGKILL',
    },
  )
  const text = output?.[3] ?? ''
  if (text === '') {
    const end =
      signal === 'SIGKILL' ? `nothing within ${PATIENCE_SECONDS} s` : `its end (${signal ?? `exit code ${status}`})`
    const last = stderr.trimEnd().split('\n').slice(-3).join(' ')
    throw new UserFault(
      `Expected a plugin's devices to compile and run something but received ${end}: ${last}`,
      'nvidia-smi shows whether the GPU works and what else runs on it; without it train with --devices cpu.',
    )
  }
  const answer: Answer = JSON.parse(text)
  if ('tried' in answer) return answer.tried
  throw new UserFault(answer.message, answer.remedy)
}

function describe(
  origin: string,
  { facts, warning, openSeconds, trials }: TriedDevices,
): Omit<DeviceReport, 'executor' | 'device'> {
  const broken = trials.flatMap(({ fault }, place) => (fault === null ? [] : [`device ${place}: ${fault}`]))
  if (broken.length > 0) {
    const whole = trials.flatMap(({ fault }, place) => (fault === null ? [place] : []))
    const others = whole.length === 0 ? '--devices cpu' : `--devices gpu:${whole.join(',')}`
    return { works: false, detail: broken.join('; '), remedy: `Train with ${others}, or mend what is said.` }
  }
  const kinds = trials.map(({ kind }) => kind)
  const slowest = (time: (trial: TriedDevices['trials'][number]) => number) => Math.max(...trials.map(time))
  const times =
    `opened in ${openSeconds.toFixed(1)} s; a convolution and a product compiled in ` +
    `${slowest(({ compileSeconds }) => compileSeconds).toFixed(1)} s and ran right in ` +
    `${slowest(({ runMilliseconds }) => runMilliseconds).toFixed(1)} ms`
  const devices = `${kinds.length} x ${[...new Set(kinds)].join(', ')}`
  const detail = `PJRT plugin ${origin}, API 0.${facts.minor}, ${facts.platform}: ${devices}; ${times}`
  return { works: true, detail: warning === null ? detail : `${detail}. ${warning}`, remedy: null }
}
