/**
 * Finds libjpeg-turbo 2 or newer: in $LIBJPEG_ROOT, in the system, else as a static library from a wheel into .libjpeg/;
 * LIBJPEG_ROOT=wheel takes the wheel whatever the system has.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiler, compilerVersion } from './compiler.mjs'
import { inRoot, setupCommand } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { hashOf, hashOfFiles, readStamp, writeStamp } from './stamp.mjs'
import { unpackWheel } from './unpack-wheel.mjs'

/** The calls beyond libjpeg 6b that the decoder makes; linked statically where the probe's folder has only that. */
const PROBE = `#include <cstdio>
#include <jpeglib.h>
int main() {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  info.out_color_space = JCS_EXT_RGBX;
  const bool whole = jpeg_crop_scanline != nullptr && jpeg_skip_scanlines != nullptr && jpeg_mem_src != nullptr;
  jpeg_destroy_decompress(&info);
  std::printf("%d %d\\n", LIBJPEG_TURBO_VERSION_NUMBER, whole ? 1 : 0);
}
`

const OLDEST = 2_000_000

const PLATFORMS = { x64: 'manylinux_2_28_x86_64', arm64: 'manylinux_2_28_aarch64' }

/**
 * @typedef {object} Libjpeg
 * @property {string} version e.g. `3.1.0`
 * @property {string} origin in words
 * @property {string | null} include folder of headers, null = the compiler's own
 * @property {readonly string[]} link flags
 */

/**
 * @returns {Promise<{libjpeg: Libjpeg, done: string | null}>} `done`: what was done, null where nothing was to do
 * @throws {SetupFault}
 */
export async function findLibjpeg() {
  const chosen = process.env.LIBJPEG_ROOT ?? ''
  const key = hashOf([chosen, await compilerVersion(), hashOfFiles(['scripts/setup/libjpeg-wheels.txt'])])
  const stamp = readStamp('libjpeg')
  if (stamp?.key === key && stamp.needs.every((path) => existsSync(path))) return { libjpeg: stamp.libjpeg, done: null }

  const libjpeg = await from(chosen)
  const needs = libjpeg.include === null ? [] : [join(libjpeg.include, 'jpeglib.h')]
  writeStamp('libjpeg', { key, libjpeg, needs })
  return { libjpeg, done: `libjpeg-turbo ${libjpeg.version} ${libjpeg.origin}` }
}

async function fromFolder(folder, origin) {
  const names = ['lib', 'lib64'].flatMap((name) => ['libjpeg.a', 'libjpeg.so'].map((file) => join(folder, name, file)))
  const library = names.find((path) => existsSync(path)) ?? join(folder, 'lib/libjpeg.a')
  // The library's names are not to meet those of another libjpeg in the process (sharp brings one).
  const isolate = library.endsWith('.a') ? '-Wl,--exclude-libs,ALL' : `-Wl,-rpath,${join(library, '..')}`
  return probe({ origin, include: join(folder, 'include'), link: [library, isolate] })
}

async function from(chosen) {
  if (chosen === 'wheel') return await libjpegFromWheel()
  if (chosen !== '') return await fromFolder(chosen, 'from LIBJPEG_ROOT')
  try {
    return await probe({ origin: 'from the system', include: null, link: ['-ljpeg'] })
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error
  }
  return await libjpegFromWheel()
}

/** The static library, whatever the system has. */
export async function libjpegFromWheel() {
  if (!existsSync(inRoot('.libjpeg/lib/libjpeg.a'))) await fetchWheel()
  return fromFolder(inRoot('.libjpeg'), 'from its wheel')
}

/** Compiles, links and runs a few lines against the library. @throws {SetupFault} where it cannot be used */
async function probe({ origin, include, link }) {
  const folder = mkdtempSync(join(tmpdir(), 'libjpeg-probe-'))
  const unusable = (reason, output) =>
    new SetupFault(
      `Expected libjpeg-turbo 2 or newer ${origin} but ${reason}`,
      'to have it: sudo apt-get install libjpeg-turbo8-dev or libjpeg62-turbo-dev, or set LIBJPEG_ROOT to its folder, ' +
        `then ${setupCommand}`,
      output,
    )
  try {
    const program = join(folder, 'probe')
    writeFileSync(join(folder, 'probe.cpp'), PROBE)
    const headers = include === null ? [] : ['-isystem', include]
    const args = ['-std=c++17', '-w', ...headers, join(folder, 'probe.cpp'), '-o', program, ...link]
    const compiled = await runCommand(compiler, args)
    if (compiled.status !== 0) throw unusable('none is there that compiles and links', compiled.output)
    const ran = await runCommand(program, [])
    const number = Number(ran.stdout.split(' ')[0])
    if (ran.status !== 0) throw unusable('a program linked to it does not start', ran.output)
    if (number < OLDEST) throw unusable(`it is ${versionOf(number)}`, '')
    return { version: versionOf(number), origin, include, link }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const versionOf = (number) => [number / 1_000_000, (number / 1000) % 1000, number % 1000].map(Math.floor).join('.')

/** Downloads the wheel with pip, which checks its hash, and unpacks header and library into .libjpeg/. */
async function fetchWheel() {
  const platform = PLATFORMS[process.arch]
  const unfetched = (reason, output) =>
    new SetupFault(
      `Expected to fetch libjpeg-turbo as a wheel but ${reason}`,
      `to have it: sudo apt-get install libjpeg-turbo8-dev or libjpeg62-turbo-dev, then ${setupCommand}`,
      output,
    )
  if (platform === undefined) throw unfetched(`there is none for ${process.arch}`, '')
  const aside = inRoot(`.libjpeg.${process.pid}.part`)
  try {
    mkdirSync(join(aside, 'wheels'), { recursive: true })
    // The wheel holds no Python code that runs: it serves every version of it.
    const what = ['--python-version', '3.12', '--platform', platform, '-r', inRoot('scripts/setup/libjpeg-wheels.txt')]
    const download = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', ...what]
    const fetched = await runCommand('python3', [...download, '-d', join(aside, 'wheels')])
    if (fetched.status !== 0) throw unfetched('pip failed or is missing', fetched.output)
    const [wheel] = readdirSync(join(aside, 'wheels'))
    const unzip = await unpackWheel(join(aside, 'wheels', wheel ?? ''), aside)
    if (unzip.status !== 0) throw unfetched('python3 could not unpack it', unzip.output)
    rmSync(inRoot('.libjpeg'), { recursive: true, force: true })
    renameSync(join(aside, 'comma_deps_libjpeg-3.1.0.post92.data/purelib/libjpeg/install'), inRoot('.libjpeg'))
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}
