import { UserFault } from '../../../vocabulary/fault.ts'
import { type FoundPlugin, readPluginTable } from './find-plugin.ts'
import { cudaOf, findToolkit } from './find-toolkit.ts'
import { openLibraries, openLibrary } from './nvidia-libraries.ts'

/**
 * Finds and opens what a CUDA plugin needs beside itself. Plugins of other GPUs bring theirs along.
 * @throws UserFault where the driver, the toolkit's parts or a library is missing: XLA itself would only find out in the
 * middle of its work, and end the process
 */
export function readyForCuda(plugin: FoundPlugin): void {
  const version = cudaOf(plugin.path)
  if (version === null) return
  const driver = openLibrary('libcuda.so.1')
  if (driver !== null) {
    throw new UserFault(
      `Expected NVIDIA's driver for --devices gpu but received: ${driver}.`,
      "Install the driver (nvidia-smi shows whether it works), in a container let the host's in (docker run --gpus all); " +
        'without a GPU train with --devices cpu.',
    )
  }
  readyToCompile(plugin)
}

/** The same without the driver, which nothing is compiled with. @throws UserFault */
export function readyToCompile({ path, origin, toolkit }: FoundPlugin): void {
  const version = cudaOf(path)
  if (version === null) return
  const command = readPluginTable().plugins[origin]?.command
  const install = command ?? `pip install "jax[cuda${version}]" where the plugin is`
  if (toolkit === null) {
    const { lacking } = findToolkit(path)
    const received = lacking.length === 0 ? 'none' : lacking.join('; ')
    throw new UserFault(
      `Expected a CUDA toolkit with ptxas and libdevice, which XLA compiles with, but received ${received}.`,
      `Fetch it (${install}), or set CUDA_HOME to one: the folder with bin/ptxas and nvvm/libdevice/libdevice.10.bc.`,
    )
  }
  openLibraries(path, toolkit, `Fetch it (${install}), or put its folder into LD_LIBRARY_PATH.`)
}
