import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { UserFault } from '../../../vocabulary/fault.ts'
import type { DeviceReport } from '../executor.ts'

export type TfjsBackend = 'cpu' | 'tensorflow'

/** Names a folder that has @tensorflow/tfjs-node in its node_modules, for installations outside this package. */
const FOLDER_VARIABLE = 'NATIVE_ENSEMBLE_TFJS_NODE'
const NODE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const
const REMEDY =
  'Install it (npm install @tensorflow/tfjs-node, or @tensorflow/tfjs-node-gpu), name the folder that has it in ' +
  `${FOLDER_VARIABLE}, or use --tfjs-backend cpu.`

/**
 * Loads the backend into this thread (TensorFlow.js keeps its backends per thread).
 * @returns what was loaded, with its version
 * @throws UserFault where no package with TensorFlow's kernels is installed, or where it does not load
 */
export async function loadBackend(backend: TfjsBackend): Promise<string> {
  // Without checks of its own and without its greeting on the first use of the JavaScript backend.
  tf.enableProdMode()
  if (backend === 'cpu') {
    await import('@tensorflow/tfjs-backend-cpu')
    useBackend(backend)
    return `TensorFlow.js ${tf.version_core}, kernels in JavaScript`
  }
  const loaded = loadNodePackage()
  useBackend(backend)
  return `${loaded}, TensorFlow ${tensorflowVersion()}`
}

/** Makes it the backend that this thread's next operations use. */
export function useBackend(backend: TfjsBackend): void {
  // Both backends are made synchronously, so the promise is one of convenience; a failure shows in getBackend.
  if (tf.getBackend() !== backend) void tf.setBackend(backend)
  if (tf.getBackend() !== backend) {
    throw new UserFault(`Expected a TensorFlow.js backend named ${backend} but received none.`, REMEDY)
  }
}

/** What `native-ensemble devices` says of this executor. */
export async function describeTfjs(): Promise<DeviceReport[]> {
  const backends = ['cpu', 'tensorflow'] as const
  const reports: DeviceReport[] = []
  for (const backend of backends) {
    try {
      const detail = await loadBackend(backend)
      reports.push({ executor: 'tfjs', device: backend, works: true, detail, remedy: null })
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      reports.push({ executor: 'tfjs', device: backend, works: false, detail: error.message, remedy: error.remedy })
    }
  }
  return reports
}

/** Requires the first of the packages that is there; returns its name and version. */
function loadNodePackage(): string {
  // TensorFlow's own log: errors only. Reaches its library where this is the main thread.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  const folder = process.env[FOLDER_VARIABLE]
  const requires = [
    ...(folder === undefined ? [] : [createRequire(join(resolve(folder), 'package.json'))]),
    createRequire(import.meta.url),
  ]
  for (const require of requires) {
    for (const name of NODE_PACKAGES) {
      if (!isInstalled(require, name)) continue
      try {
        require(name)
        return `${name} ${packageVersion(require, name)}`
      } catch (cause) {
        const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
        const remedy = `Install it again (npm rebuild ${name}), or use --tfjs-backend cpu.`
        throw new UserFault(`Expected ${name} to load but received: ${reason}.`, remedy, { cause })
      }
    }
  }
  throw new UserFault(`Expected ${NODE_PACKAGES.join(' or ')} to be installed but received neither.`, REMEDY)
}

function isInstalled(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}

function packageVersion(require: NodeJS.Require, name: string): string {
  const description: unknown = require(`${name}/package.json`)
  const known = typeof description === 'object' && description !== null && 'version' in description
  return known ? String(description.version) : 'of unknown version'
}

/** The version of the library under the backend, which keeps its binding in a field. */
function tensorflowVersion(): string {
  const backend: object = tf.backend()
  const binding: unknown = 'binding' in backend ? backend.binding : null
  const known = typeof binding === 'object' && binding !== null && 'TF_Version' in binding
  return known ? String(binding.TF_Version) : 'of unknown version'
}
