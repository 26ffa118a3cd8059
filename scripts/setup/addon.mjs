/** Compiles native/src/*.cpp with plain g++ to native/build/<variant>/one.node; objects are kept by content. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { compiler, compilerVersion } from './compiler.mjs'
import { inRoot, root } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { filesBelow, hashOf, hashOfFiles, readStamp, writeStamp } from './stamp.mjs'

const COMMON_FLAGS = [
  ...['-std=c++17', '-fPIC', '-fvisibility=hidden', '-fopenmp', '-pthread'],
  ...['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wno-sign-conversion'],
  ...['-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_ADDON_API_DISABLE_DEPRECATED'],
]

/** No -ffast-math: infinities, NaN and the order of sums mean what they say, or a run would not repeat itself. */
const VARIANTS = {
  Release: ['-O3', '-march=native', '-fno-math-errno', '-fno-trapping-math'],
  Sanitize: ['-O1', '-g', '-march=native', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'],
}

/**
 * @param {import('./onednn.mjs').OneDnn} onednn
 * @param {{variant?: keyof typeof VARIANTS}} [options]
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 * @throws {SetupFault} with the compiler's findings
 */
export async function buildAddon(onednn, { variant = 'Release' } = {}) {
  const sources = addonSources()
  const headers = filesBelow('native', ['.h', '.hpp'])
  const flags = [...COMMON_FLAGS, ...VARIANTS[variant], ...includeFlags(onednn)]
  const toolchain = hashOf([
    await compilerVersion(),
    processor(),
    JSON.stringify(onednn),
    hashOfFiles(['package-lock.json']),
  ])
  const target = inRoot(`native/build/${variant}/one.node`)
  const stampName = `addon-${variant.toLowerCase()}`
  const key = hashOf([toolchain, ...flags, ...linkFlags(onednn), hashOfFiles([...sources, ...headers])])
  if (existsSync(target) && readStamp(stampName)?.key === key) return null

  const objects = inRoot(`native/build/${variant}/objects`)
  mkdirSync(objects, { recursive: true })
  const waiting = [...sources]
  const compileNext = async () => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      await compile(source, objects, flags, toolchain)
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, compileNext))
  await link(
    sources.map((source) => objectOf(source, objects)),
    target,
    [...VARIANTS[variant], ...linkFlags(onednn)],
  )
  writeStamp(stampName, { key })
  return variant === 'Release' ? 'addon compiled' : `addon compiled (${variant.toLowerCase()})`
}

const addonSources = () => filesBelow('native/src', ['.cpp'])

function includeFlags(onednn) {
  const require = createRequire(import.meta.url)
  const nodeHeaders = require('node-api-headers').include_dir
  const addonHeaders = dirname(require.resolve('node-addon-api/napi.h'))
  return [
    '-isystem',
    nodeHeaders,
    '-isystem',
    addonHeaders,
    ...(onednn.include === null ? [] : ['-isystem', onednn.include]),
  ]
}

function linkFlags(onednn) {
  // From native/build/<variant>/one.node to the package's root, so that a moved package still finds its oneDNN.
  const rpath = onednn.origin === 'wheel' ? '$ORIGIN/../../../.onednn/lib' : onednn.library
  const place = onednn.library === null ? [] : [`-L${onednn.library}`, `-Wl,-rpath,${rpath}`]
  return ['-shared', '-fopenmp', '-pthread', ...place, '-ldnnl']
}

/** -march=native makes the addon one for this processor's instructions only. */
function processor() {
  const text = readFileSync('/proc/cpuinfo', 'utf8')
  return ['model name', 'flags', 'Features']
    .map((name) => new RegExp(`^${name}\\s*:.*$`, 'm').exec(text)?.[0] ?? '')
    .join()
}

const objectOf = (source, objects) => join(objects, `${basename(source, '.cpp')}.o`)

/** Compiles one source unless its object was made from the same source, headers, flags and tools. */
async function compile(source, objects, flags, toolchain) {
  const object = objectOf(source, objects)
  const dependencies = `${object}.d`
  const keyNow = () => hashOf([toolchain, ...flags, hashOfFiles(projectFilesIn(dependencies))])
  if (existsSync(object) && existsSync(dependencies) && keptKey(object) === keyNow()) return

  const aside = `${object}.${process.pid}.part`
  const args = [...flags, '-MMD', '-MF', dependencies, '-c', source, '-o', aside]
  const { status, output } = await runCommand(compiler, args, { cwd: root })
  if (status !== 0) {
    throw new SetupFault(
      `Expected ${source} to compile but ${compiler} found faults`,
      `Correct it; with g++ 9 or newer the released sources compile (yours: ${compiler} --version).`,
      output,
    )
  }
  renameSync(aside, object)
  writeFileSync(`${object}.warnings`, output)
  writeFileSync(`${object}.key`, keyNow())
}

/** What the compiler said of the objects that the addon was linked from; empty where it had nothing to say. */
export function addonWarnings(variant = 'Release') {
  const objects = inRoot(`native/build/${variant}/objects`)
  return addonSources()
    .map((source) => readFileSync(`${objectOf(source, objects)}.warnings`, 'utf8'))
    .join('')
}

/** Make-style list `object: file file \` written by -MMD; system headers are not in it. */
function projectFilesIn(dependencies) {
  return readFileSync(dependencies, 'utf8')
    .replace(/^[^:]*:/, '')
    .split(/[\s\\]+/)
    .filter((path) => path !== '')
}

const keptKey = (object) => (existsSync(`${object}.key`) ? readFileSync(`${object}.key`, 'utf8') : null)

/** Links aside and renames: a process that has the old addon loaded keeps its file. */
async function link(objects, target, flags) {
  const aside = `${target}.${process.pid}.part`
  const { status, output } = await runCommand(compiler, [...objects, '-o', aside, ...flags], { cwd: root })
  if (status !== 0) {
    throw new SetupFault('Expected the addon to link but the linker found faults', 'Run: npm run setup', output)
  }
  renameSync(aside, target)
}
