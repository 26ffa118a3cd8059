/**
 * NVIDIA's libraries, which a CUDA plugin opens by their names when it first needs them. Its run path leaves some of their
 * folders out, so those that are found are opened here, by their paths and before it: a name that is open is not looked for
 * again. JAX's plugin does the same (jax_plugins/xla_cuda*\/__init__.py: the list and its order are from there).
 */
import { existsSync, readFileSync } from 'node:fs'
import { constants as system } from 'node:os'
import { basename, join } from 'node:path'
import { UserFault } from '../../../vocabulary/fault.ts'
import { cudaOf, nvidiaFolders } from './find-toolkit.ts'

interface Library {
  readonly name: string
  /** Folder of pip's wheel below `nvidia/`. */
  readonly wheel: string
  /** Whether nothing of ours can be run without it. */
  readonly required: boolean
}

const library = (wheel: string, name: string, required = false): Library => ({ name, wheel, required })

const LIBRARIES: Readonly<Record<'12' | '13', readonly Library[]>> = {
  '13': [
    library('cu13', 'libcudart.so.13'),
    library('cu13', 'libnvrtc.so.13'),
    library('cu13', 'libnvJitLink.so.13'),
    library('cu13', 'libcublasLt.so.13', true),
    library('cu13', 'libcublas.so.13', true),
    library('nccl', 'libnccl.so.2'),
    library('cu13', 'libcupti.so.13'),
    library('cu13', 'libcusparse.so.12'),
    library('cu13', 'libcusolver.so.12'),
    library('cu13', 'libcufft.so.12'),
    library('nvshmem', 'libnvshmem_host.so.3'),
    library('cudnn', 'libcudnn.so.9', true),
  ],
  '12': [
    library('cuda_runtime', 'libcudart.so.12'),
    library('cuda_nvrtc', 'libnvrtc.so.12'),
    library('nvjitlink', 'libnvJitLink.so.12'),
    library('cublas', 'libcublasLt.so.12', true),
    library('cublas', 'libcublas.so.12', true),
    library('nccl', 'libnccl.so.2'),
    library('cuda_cupti', 'libcupti.so.12'),
    library('cusparse', 'libcusparse.so.12'),
    library('cusolver', 'libcusolver.so.11'),
    library('cufft', 'libcufft.so.11'),
    library('nvshmem', 'libnvshmem_host.so.3'),
    library('cudnn', 'libcudnn.so.9', true),
  ],
}

/** The libraries that lie beside a plugin or in a toolkit. */
function findLibraries(plugin: string, toolkit: string | null): { readonly name: string; readonly path: string }[] {
  return librariesOf(plugin).flatMap(({ name, wheel }) => {
    const folders = [
      ...nvidiaFolders(plugin).map((folder) => join(folder, wheel, 'lib')),
      ...(toolkit === null ? [] : [join(toolkit, 'lib64'), join(toolkit, 'lib')]),
    ]
    const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
    return path === undefined ? [] : [{ name, path }]
  })
}

const librariesOf = (plugin: string): readonly Library[] => {
  const version = cudaOf(plugin)
  return version === null ? [] : LIBRARIES[version]
}

/**
 * Opens them for the whole process, those that were not found by their names as the loader knows them.
 * @param remedy for one that is nowhere
 * @throws UserFault where one without which nothing can be run is nowhere, or cannot be opened
 */
export function openLibraries(plugin: string, toolkit: string | null, remedy: string): void {
  const found = new Map(findLibraries(plugin, toolkit).map(({ name, path }) => [name, path]))
  for (const { name, wheel, required } of librariesOf(plugin)) {
    const reason = openLibrary(found.get(name) ?? name)
    if (reason === null || !required) continue
    const places = nvidiaFolders(plugin).map((folder) => join(folder, wheel, 'lib'))
    const where = places.length > 0 ? `${places.join(', ')} and the loader's folders` : "the loader's folders"
    throw new UserFault(`Expected NVIDIA's library ${name} in ${where} but received: ${reason}.`, remedy)
  }
}

/** RTLD_NODELETE of Linux, which Node does not name: the library stays open. */
const STAYS_OPEN = 0x1000

/** @returns why a library cannot be opened, null where it is open now */
export function openLibrary(name: string): string | null {
  try {
    process.dlopen({ exports: {} }, name, system.dlopen.RTLD_LAZY | STAYS_OPEN)
    return null
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Node opens it, finds that it is no addon, and closes what stays open.
    return message.startsWith('Module did not self-register') ? null : message
  }
}

/** Files of those libraries that this process has open, wherever they were found. */
export function openedLibraries(plugin: string): string[] {
  const names = librariesOf(plugin).map(({ name }) => name)
  if (names.length === 0) return []
  const mapped = readFileSync('/proc/self/maps', 'utf8').matchAll(/ (\/.*)$/gm)
  const files = new Set([...mapped].map(([, path = '']) => path))
  return [...files].filter((path) => names.some((name) => basename(path).startsWith(name))).toSorted()
}
