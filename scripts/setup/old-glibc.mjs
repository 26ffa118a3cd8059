/**
 * Links an addon so that it loads with an old glibc: g++'s objects against Zig's stubs of that glibc, with g++'s own C++ library
 * inside. The compiler stays g++, so that a release computes as a build of one's own does. Headers of glibc 2.38 and later call functions
 * that the old one lacks (C23's strtol): linking then fails, and an older system is to be taken.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compiler } from './compiler.mjs'
import { inRoot } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { hashOfFiles, readStamp, writeStamp } from './stamp.mjs'
import { unpackWheel } from './unpack-wheel.mjs'

/** That of RHEL 8, which the official Node 20 and later need themselves. */
export const GLIBC = '2.28'

const TARGETS = { x64: 'x86_64', arm64: 'aarch64' }
const WHEELS = 'scripts/setup/zig-wheels.txt'

/** All that Node looks for in an addon. What else the libraries inside it export would meet the same names in Node. */
const EXPORTS = '{ global: napi_register_module_v1; node_api_module_get_api_version_v1; local: *; };\n'

/** What the result depends on. */
export const linkerKey = () => `${GLIBC} ${hashOfFiles([WHEELS, 'scripts/setup/old-glibc.mjs'])}`

/**
 * @param {readonly string[]} objects
 * @param {string} target
 * @param {readonly string[]} libraries further files and flags
 * @returns {Promise<{status: number | 'absent', output: string}>} as runCommand
 * @throws {SetupFault} where Zig cannot be fetched
 */
export async function linkForOldGlibc(objects, target, libraries) {
  const zig = await fetchZig()
  const exported = `${target}.map`
  writeFileSync(exported, EXPORTS)
  try {
    const own = await Promise.all(['libstdc++.a', 'libgcc_eh.a', 'libgcc.a'].map(libraryOfCompiler))
    const args = [
      ...['cc', '-target', `${TARGETS[process.arch]}-linux-gnu.${GLIBC}`, '-shared', '-s', '-o', target],
      ...[...objects, ...libraries, ...own, '-lpthread', '-ldl', '-lm', `-Wl,--version-script=${exported}`],
    ]
    const cache = inRoot('.zig/cache')
    const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache }
    return await runCommand(zig, args, { cwd: inRoot('.'), env })
  } finally {
    rmSync(exported, { force: true })
  }
}

async function libraryOfCompiler(name) {
  const { stdout } = await runCommand(compiler, [`-print-file-name=${name}`])
  const path = stdout.trim()
  if (existsSync(path)) return path
  throw new SetupFault(`Expected ${name} beside ${compiler} but found none`, 'Install it: sudo apt-get install g++')
}

async function fetchZig() {
  const zig = inRoot('.zig/ziglang/zig')
  const key = hashOfFiles([WHEELS])
  if (readStamp('zig')?.key === key && existsSync(zig)) return zig
  const aside = inRoot(`.zig.${process.pid}.part`)
  try {
    mkdirSync(join(aside, 'wheels'), { recursive: true })
    const download = [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--require-hashes',
      '-r',
      inRoot(WHEELS),
    ]
    const fetched = await runCommand('python3', [...download, '-d', join(aside, 'wheels')])
    if (fetched.status !== 0) {
      throw new SetupFault(
        `Expected pip to fetch Zig's linker but ${fetched.status === 'absent' ? 'python3 is missing' : 'it failed'}`,
        'Install python3 and python3-pip, check the network, then run the command again',
        fetched.output,
      )
    }
    for (const wheel of readdirSync(join(aside, 'wheels'))) {
      const unpacked = await unpackWheel(join(aside, 'wheels', wheel), aside)
      if (unpacked.status !== 0) {
        throw new SetupFault(
          `Expected to unpack ${wheel} but it failed`,
          'Check that the disk has 500 MB free',
          unpacked.output,
        )
      }
    }
    rmSync(join(aside, 'wheels'), { recursive: true })
    rmSync(inRoot('.zig'), { recursive: true, force: true })
    renameSync(aside, inRoot('.zig'))
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  writeStamp('zig', { key })
  return zig
}
