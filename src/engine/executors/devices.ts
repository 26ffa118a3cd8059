import { basename } from 'node:path'
import { findAddon } from '../../vocabulary/addon-file.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import type { DeviceReport } from './executor.ts'
import type { ExecutorChoice } from './executor-choice.ts'

/** What `native-ensemble devices` lists: every executor, whether it works here, and what to install where not. */
export async function reportDevices(): Promise<DeviceReport[]> {
  const { describeTfjs } = await import('./tfjs/tfjs-backend.ts')
  const { describeXla } = await import('./xla/describe-xla.ts')
  return [await describeOneDnn(), ...describeXla(), ...(await describeTfjs())]
}

async function describeOneDnn(): Promise<DeviceReport> {
  const { loadNativeAddon } = await import('./cpu/native-addon.ts')
  const base = { executor: 'cpu', device: 'cpu' }
  try {
    const { version, instructionSet, threading } = loadNativeAddon().machine()
    const library = version === '' ? 'own kernels' : `own kernels and oneDNN ${version} (threads: ${threading})`
    const detail = `addon ${findAddon('one').origin}; ${library}, ${instructionSet}, fp32 and bf16`
    return { ...base, works: true, detail, remedy: null }
  } catch (error) {
    if (!(error instanceof UserFault)) throw error
    return { ...base, works: false, detail: error.message, remedy: error.remedy }
  }
}

/** Versions of what does the work, for the run folder. @throws UserFault where the executor does not work here */
export async function executorLibraries(choice: ExecutorChoice): Promise<Record<string, string>> {
  if (choice.name === 'cpu') {
    const { loadNativeAddon } = await import('./cpu/native-addon.ts')
    const { version, instructionSet } = loadNativeAddon().machine()
    const onednn = version === '' ? `none, ${instructionSet}` : `${version} ${instructionSet}`
    return { addon: findAddon('one').origin, onednn }
  }
  if (choice.name === 'xla') {
    const { findPlugin } = await import('./xla/find-plugin.ts')
    const { path, origin } = findPlugin(choice.devices.platform, choice.devices.plugin)
    return { xla: `PJRT plugin ${origin}, ${basename(path)}` }
  }
  const { loadBackend } = await import('./tfjs/tfjs-backend.ts')
  return { tfjs: await loadBackend(choice.backend) }
}
