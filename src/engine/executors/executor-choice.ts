import { addonAbsence } from '../../vocabulary/addon-file.ts'
import type { HostMeshLink } from './cpu/host-mesh.ts'
import type { Executor } from './executor.ts'
import type { XlaDevices } from './xla/open-client.ts'

/** Which executor a run uses: plain data that can be sent to a replica. */
export type ExecutorChoice =
  | { readonly name: 'cpu'; readonly hosts?: HostMeshLink | null }
  | { readonly name: 'tfjs'; readonly backend: 'cpu' | 'tensorflow' }
  | { readonly name: 'xla'; readonly devices: XlaDevices }

/** What is taken where none is asked for: TensorFlow.js only where no addon is for this machine. */
export const defaultExecutor = (): 'cpu' | 'tfjs' => (addonAbsence('one') === null ? 'cpu' : 'tfjs')

/** Loads the executor into the calling thread. @throws UserFault where it does not work here */
export async function createExecutor(choice: ExecutorChoice): Promise<Executor> {
  if (choice.name === 'cpu') {
    const { cpuExecutor } = await import('./cpu/cpu-executor.ts')
    return cpuExecutor({ hosts: choice.hosts ?? null })
  }
  if (choice.name === 'xla') {
    const { xlaExecutor } = await import('./xla/xla-executor.ts')
    return xlaExecutor(choice.devices)
  }
  const { tfjsExecutor } = await import('./tfjs/tfjs-executor.ts')
  return tfjsExecutor(choice.backend)
}
