/** Where the CUDA toolkit and NVIDIA's libraries are looked for, in folders made for it. */
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { findPlugin, findPlugins, pluginIdentity } from '../../../src/engine/executors/xla/find-plugin.ts'
import { cudaOf, findToolkit, nvidiaFolders } from '../../../src/engine/executors/xla/find-toolkit.ts'
import { openedLibraries, openLibraries } from '../../../src/engine/executors/xla/nvidia-libraries.ts'
import { readyToCompile } from '../../../src/engine/executors/xla/ready-for-cuda.ts'
import { makeLibrary } from '../../support/made-plugin.ts'

function makeFile(path: string, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, '')
  chmodSync(path, mode)
  return path
}

function makeToolkit(folder: string): string {
  makeFile(join(folder, 'bin/ptxas'), 0o755)
  makeFile(join(folder, 'nvvm/libdevice/libdevice.10.bc'))
  return folder
}

/** A site-packages folder with a plugin; nothing else. */
const makePlugin = (site: string, name = 'xla_cuda13') =>
  makeFile(join(site, 'jax_plugins', name, 'xla_cuda_plugin.so'))

t.test('a toolkit is found in the order that the documents say', (t) => {
  const folder = t.testdir({})
  const plugin = makePlugin(join(folder, 'site'))
  const search = (env: NodeJS.ProcessEnv) => findToolkit(plugin, env, join(folder, 'local')).folder
  t.equal(search({}), null)
  const old = makeToolkit(join(folder, 'local/cuda-12.9'))
  t.equal(search({}), old)
  const newer = makeToolkit(join(folder, 'local/cuda-13.0'))
  makeToolkit(join(folder, 'local/cuda-9.0'))
  t.equal(search({}), newer)
  const own = makeToolkit(join(folder, 'local/cuda'))
  t.equal(search({}), own)
  const onPath = makeToolkit(join(folder, 'programs'))
  makeFile(join(onPath, 'bin/nvcc'), 0o755)
  t.equal(search({ PATH: `/nowhere::${join(onPath, 'bin')}` }), onPath)
  const path = makeToolkit(join(folder, 'by-path'))
  t.equal(search({ PATH: join(onPath, 'bin'), CUDA_PATH: path }), path)
  const home = makeToolkit(join(folder, 'by-home'))
  t.equal(search({ CUDA_PATH: path, CUDA_HOME: home }), home)
  const wheel12 = makeToolkit(join(folder, 'site/nvidia/cuda_nvcc'))
  t.equal(search({ CUDA_HOME: home }), wheel12)
  const wheel13 = makeToolkit(join(folder, 'site/nvidia/cu13'))
  t.equal(search({ CUDA_HOME: home }), wheel13)
  t.equal(findToolkit(makePlugin(join(folder, 'site'), 'xla_cuda12'), {}, join(folder, 'local')).folder, wheel12)
  const flagged = makeToolkit(join(folder, 'flagged'))
  t.equal(search({ CUDA_HOME: home, XLA_FLAGS: `--xla_a=1 --xla_gpu_cuda_data_dir=${flagged}` }), flagged)
  t.end()
})

t.test('an assembler that may not be run is named, and the next toolkit taken', (t) => {
  const folder = t.testdir({})
  const plugin = makePlugin(folder)
  const broken = makeToolkit(join(folder, 'nvidia/cu13'))
  chmodSync(join(broken, 'bin/ptxas'), 0o644)
  const half = join(folder, 'half')
  makeFile(join(half, 'bin/ptxas'), 0o755)
  const { folder: found, lacking } = findToolkit(plugin, { CUDA_HOME: half }, folder)
  t.equal(found, null)
  t.match(lacking, [
    /cu13 has a bin\/ptxas that may not be run \(chmod/,
    /half has no nvvm\/libdevice\/libdevice.10.bc/,
  ])
  const whole = makeToolkit(join(folder, 'whole'))
  t.equal(findToolkit(plugin, { CUDA_PATH: whole }, folder).folder, whole)
  t.end()
})

t.test("a plugin's CUDA is told by its own name, not by a folder above", (t) => {
  t.equal(cudaOf('/opt/cuda12/site/jax_plugins/xla_cuda13/xla_cuda_plugin.so'), '13')
  t.equal(cudaOf('/site/jax_plugins/xla_cuda12/xla_cuda_plugin.so'), '12')
  t.equal(cudaOf('/site/jax_plugins/xla_cuda130/xla_cuda_plugin.so'), null)
  t.equal(cudaOf('/site/jax_plugins/xla_rocm7/xla_rocm_plugin.so'), null)
  t.end()
})

t.test('what a CUDA plugin lacks is said before it is loaded, with the command', (t) => {
  const site = t.testdir({})
  const path = makePlugin(site)
  const ready = (origin: string, toolkit: string | null) => () => readyToCompile({ path, origin, toolkit })
  t.throws(ready('cuda13', null), {
    name: 'UserFault',
    message: /toolkit with ptxas/,
    remedy: /npx native-ensemble setup cuda13/,
  })
  t.throws(ready('python3', null), { name: 'UserFault', remedy: /pip install "jax\[cuda13\]".*CUDA_HOME/ })
  const toolkit = makeToolkit(join(site, 'nvidia/cu13'))
  t.throws(ready('python3', toolkit), {
    name: 'UserFault',
    message: /library libcublasLt\.so\.13 in .*nvidia\/cu13\/lib/,
  })
  t.doesNotThrow(() => readyToCompile({ path: '/p/xla_rocm_plugin.so', origin: '--pjrt-plugin', toolkit: null }))
  t.end()
})

t.test('libraries beside a plugin are opened and stay open, so that their names are known', (t) => {
  const site = t.testdir({})
  const plugin = makePlugin(site)
  // The loader may know some of this machine's.
  const opened = () => openedLibraries(plugin).filter((path) => path.startsWith(site))
  t.same(opened(), [])
  const own = (wheel: string, name: string) => {
    mkdirSync(join(site, 'nvidia', wheel, 'lib'), { recursive: true })
    return makeLibrary(join(site, 'nvidia', wheel, 'lib', name), `int ${name.replaceAll('.', '_')};`)
  }
  const made = [
    own('cu13', 'libcublas.so.13'),
    own('cu13', 'libcublasLt.so.13'),
    own('nvshmem', 'libnvshmem_host.so.3'),
  ]
  t.throws(() => openLibraries(plugin, null, 'Fetch it.'), { message: /libcudnn\.so\.9/, remedy: 'Fetch it.' })
  made.push(own('cudnn', 'libcudnn.so.9'))
  openLibraries(plugin, null, 'Fetch it.')
  t.same(opened(), made.toSorted())
  t.same(nvidiaFolders(plugin), [join(site, 'nvidia')])
  // Programs that were compiled with another cuDNN, or another assembler, are not taken from the disk.
  const toolkit = makeToolkit(join(site, 'nvidia/cu13'))
  const identity = () => pluginIdentity({ path: plugin, origin: 'python3', toolkit })
  const identities = [identity()]
  for (const changed of [join(site, 'nvidia/cudnn/lib/libcudnn.so.9'), join(toolkit, 'bin/ptxas'), plugin]) {
    appendFileSync(changed, 'newer')
    identities.push(identity())
  }
  t.equal(new Set(identities).size, 4)
  t.end()
})

t.test('a plugin that pip put into the python3 of PATH is found, where there is no other', (t) => {
  const folder = t.testdir({ bin: {} })
  const plugin = makePlugin(join(folder, 'site'))
  const before = { ...process.env }
  t.teardown(() => {
    for (const name of ['NATIVE_ENSEMBLE_PJRT_GPU', 'PYTHONPATH']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })
  delete process.env['NATIVE_ENSEMBLE_PJRT_GPU']
  process.env['PYTHONPATH'] = join(folder, 'site')
  const [first] = findPlugins('gpu', null)
  // One that the set-up fetched here is taken first, and python3 not asked.
  if (first?.origin === 'python3') t.equal(first.path, plugin)
  else t.match(first?.origin, /^cuda/)
  t.equal(findPlugin('gpu', plugin).origin, '--pjrt-plugin')
  t.end()
})
