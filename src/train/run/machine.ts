import { cpus, release, totalmem, type } from 'node:os'
import { allowedCores } from '../../vocabulary/allowed-cores.ts'

/** What a run's figures were measured on; `machine.json` of the run folder. */
export interface MachineReport {
  readonly cpu: string
  /** Logical CPUs that this process may use. */
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Versions of the libraries that do the work, by name. */
  readonly libraries: Readonly<Record<string, string>>
  /** Files that the images came from. */
  readonly images: readonly { readonly path: string; readonly sha256: string }[]
}

/** @param libraries versions that only the executors know, e.g. `{onednn: '3.2.0'}` */
export function describeMachine(libraries: MachineReport['libraries'], images: MachineReport['images']): MachineReport {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: allowedCores().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${process.arch}`,
    node: process.versions.node,
    libraries,
    images,
  }
}
