/** Finds oneDNN 3 (C++ API v3, OpenMP runtime): in $ONEDNN_ROOT, in the system, else from its wheel into .onednn/. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiler, compilerVersion } from './compiler.mjs'
import { inRoot } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { hashOf, hashOfFiles, readStamp, writeStamp } from './stamp.mjs'
import { unpackWheel } from './unpack-wheel.mjs'

/** dnnl_cpu_runtime: the engine runs one call a thread of its own team, so oneDNN must not bring another pool. */
const RUNTIMES = { sequential: 1, openMp: 2 }

const VERSION_PROBE = `#include <oneapi/dnnl/dnnl_version.h>
version DNNL_VERSION_MAJOR DNNL_VERSION_MINOR DNNL_VERSION_PATCH
`

const PROBE = `#include <oneapi/dnnl/dnnl.hpp>
#include <cstdio>
int main() {
  const dnnl_version_t *v = dnnl_version();
  std::printf("%d.%d.%d %d\\n", v->major, v->minor, v->patch, static_cast<int>(v->cpu_runtime));
}
`

/**
 * @typedef {object} OneDnn
 * @property {string} version e.g. `3.2.0`
 * @property {'ONEDNN_ROOT' | 'system' | 'wheel'} origin
 * @property {string | null} include folder of headers, null = the compiler's own
 * @property {string | null} library folder of libdnnl, null = the linker's own
 */

/**
 * @returns {Promise<{onednn: OneDnn, done: string | null}>} `done`: what was done, null where nothing was to do
 * @throws {SetupFault}
 */
export async function findOneDnn() {
  const chosenRoot = process.env.ONEDNN_ROOT ?? ''
  const key = hashOf([chosenRoot, await compilerVersion(), hashOfFiles(['scripts/setup/onednn-wheels.txt'])])
  const stamp = readStamp('onednn')
  if (stamp?.key === key && stamp.files.every(isUnchanged)) return { onednn: stamp.onednn, done: null }

  const { onednn, files, notice } = await (chosenRoot === '' ? fromSystemOrWheel() : fromChosenRoot(chosenRoot))
  writeStamp('onednn', { key, onednn, files })
  return { onednn, done: `oneDNN ${onednn.version} ${WHENCE[onednn.origin]}${notice}` }
}

const WHENCE = { ONEDNN_ROOT: 'from ONEDNN_ROOT', system: 'from the system', wheel: 'from its wheel' }

async function fromChosenRoot(folder) {
  const library = ['lib', 'lib64'].map((name) => join(folder, name)).find(existsSync) ?? join(folder, 'lib')
  const place = { origin: 'ONEDNN_ROOT', include: join(folder, 'include'), library }
  const found = await probe(place)
  if (found.fault !== null) {
    throw new SetupFault(
      `Expected oneDNN 3 or newer in ONEDNN_ROOT=${folder} but ${found.fault}`,
      'Set ONEDNN_ROOT to a folder with include/oneapi/dnnl/dnnl.hpp and lib/libdnnl.so, or unset it to let the set-up ' +
        'find or fetch one.',
      found.output,
    )
  }
  return { ...found, notice: '' }
}

async function fromSystemOrWheel() {
  const system = await probe({ origin: 'system', include: null, library: null })
  if (system.fault === null) return { ...system, notice: '' }

  const wheel = { origin: 'wheel', include: inRoot('.onednn/include'), library: inRoot('.onednn/lib') }
  let fetched = await probe(wheel)
  if (fetched.fault !== null) {
    await fetchWheels(system.fault)
    fetched = await probe(wheel)
  }
  if (fetched.fault !== null) {
    throw new SetupFault(
      `Expected the wheel's oneDNN in .onednn/ to work but ${fetched.fault}`,
      'Install oneDNN 3 or newer yourself and set ONEDNN_ROOT to its folder.',
      fetched.output,
    )
  }
  return { ...fetched, notice: ` (the system: ${system.fault})` }
}

/** Compiles, links and runs five lines against oneDNN at a place; `fault` says in words why it cannot be used. */
async function probe({ origin, include, library }) {
  const folder = mkdtempSync(join(tmpdir(), 'onednn-probe-'))
  try {
    const headers = include === null ? [] : ['-isystem', include]
    writeFileSync(join(folder, 'version.cpp'), VERSION_PROBE)
    const read = await runCommand(compiler, [...headers, '-E', '-P', join(folder, 'version.cpp')])
    const offered = /version\s+(\d+)\s+(\d+)\s+(\d+)/.exec(read.stdout)?.slice(1).join('.')
    if (read.status !== 0 || offered === undefined) return { fault: 'none is there', output: read.output }
    if (Number.parseInt(offered, 10) < 3) return { fault: `it is ${offered}, older than 3.0`, output: '' }

    const program = join(folder, 'probe')
    writeFileSync(join(folder, 'probe.cpp'), PROBE)
    const place = library === null ? [] : [`-L${library}`, `-Wl,-rpath,${library}`]
    const dependencies = join(folder, 'probe.d')
    const outputs = ['-MD', '-MF', dependencies, '-o', program]
    const source = [...headers, join(folder, 'probe.cpp'), ...place, '-ldnnl']
    const compiled = await runCommand(compiler, ['-std=c++17', ...outputs, ...source])
    if (compiled.status !== 0) return { fault: `${offered} does not compile or link`, output: compiled.output }
    const ran = await runCommand(program, [])
    if (ran.status !== 0) return { fault: `a program linked to ${offered} does not start`, output: ran.output }

    const [version, runtime] = ran.stdout.trim().split(' ')
    const files = await filesOf(program, dependencies)
    return {
      fault: faultOf(version, offered, Number(runtime)),
      output: '',
      onednn: { version, origin, include, library },
      files,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function faultOf(version, offered, runtime) {
  if (version !== offered) return `its headers are of ${offered}, its library of ${version}`
  if (!Object.values(RUNTIMES).includes(runtime)) return `${version} is built for neither OpenMP nor one thread`
  return null
}

/** The version header and the library that the probe used, with what tells that they were replaced. */
async function filesOf(program, dependencies) {
  const header = /\S+dnnl_version\.h/.exec(readFileSync(dependencies, 'utf8'))?.[0]
  const library = /libdnnl\S* => (\S+)/.exec((await runCommand('ldd', [program])).stdout)?.[1]
  return [header, library].filter((path) => path !== undefined).map(fingerprint)
}

function fingerprint(path) {
  const { size, mtimeMs } = statSync(path)
  return { path, size, mtimeMs }
}

function isUnchanged({ path, size, mtimeMs }) {
  try {
    const now = fingerprint(path)
    return now.size === size && now.mtimeMs === mtimeMs
  } catch {
    // The file is gone: look for oneDNN anew.
    return false
  }
}

const INSTALL_YOURSELF = 'or install oneDNN 3 or newer (with OpenMP) yourself and set ONEDNN_ROOT to its folder'

/** Downloads the two wheels with pip, which checks their hashes, and unpacks headers and library into .onednn/. */
async function fetchWheels(systemFault) {
  const need = `oneDNN 3 or newer is needed; the system: ${systemFault}. To fetch it as a wheel,`
  const pip = await runCommand('python3', ['-m', 'pip', '--version'])
  if (pip.status === 'absent') {
    throw new SetupFault(
      `${need} python3 is missing`,
      `Install it: sudo apt-get install python3 python3-pip, ${INSTALL_YOURSELF}.`,
    )
  }
  if (pip.status !== 0) {
    throw new SetupFault(`${need} pip is missing`, `Install it: sudo apt-get install python3-pip, ${INSTALL_YOURSELF}.`)
  }
  const aside = inRoot(`.onednn.${process.pid}.part`)
  try {
    mkdirSync(join(aside, 'wheels'), { recursive: true })
    const list = inRoot('scripts/setup/onednn-wheels.txt')
    const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', '-r', list]
    const fetched = await runCommand('python3', [...download, '-d', join(aside, 'wheels')])
    if (fetched.status !== 0) {
      throw new SetupFault(
        'Expected pip to fetch the wheels of oneDNN but it failed',
        `Check the network and pip's configuration, then run: python3 -m pip download --no-deps -r ${list}; ` +
          `${INSTALL_YOURSELF}.`,
        fetched.output,
      )
    }
    await unpack(aside)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

async function unpack(aside) {
  for (const wheel of readdirSync(join(aside, 'wheels'))) {
    const unzip = await unpackWheel(join(aside, 'wheels', wheel), aside)
    if (unzip.status !== 0) {
      throw new SetupFault(
        `Expected to unpack ${wheel} but it failed`,
        'Check that the disk has 200 MB free, then run the command again.',
        unzip.output,
      )
    }
  }
  const whole = join(aside, 'onednn')
  mkdirSync(join(whole, 'lib'), { recursive: true })
  renameSync(join(aside, 'onednn_devel_cpu_gomp-2023.2.0.data/data/include'), join(whole, 'include'))
  const data = join(aside, 'onednn_cpu_gomp-2023.2.0.data/data')
  // The wheel holds three whole copies of the library under the names that are links elsewhere.
  renameSync(join(data, 'lib/libdnnl.so.3'), join(whole, 'lib/libdnnl.so.3'))
  symlinkSync('libdnnl.so.3', join(whole, 'lib/libdnnl.so'))
  renameSync(join(data, 'share/doc/onednn'), join(whole, 'licenses'))
  rmSync(inRoot('.onednn'), { recursive: true, force: true })
  renameSync(whole, inRoot('.onednn'))
}
