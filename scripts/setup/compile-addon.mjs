/** Compiles the sources of an addon with plain g++ to native/build/<variant>/<name>.node; objects are kept by content. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { compiler, compilerVersion } from './compiler.mjs'
import { flagsOfLevel } from './instruction-levels.mjs'
import { linkerKey, linkForOldGlibc } from './old-glibc.mjs'
import { inRoot, root, setupCommand } from './places.mjs'
import { runCommand } from './run-command.mjs'
import { SetupFault } from './setup-fault.mjs'
import { filesBelow, hashOf, hashOfFiles, readStamp, writeStamp } from './stamp.mjs'

const FORM = ['-std=c++17', '-fPIC', '-fvisibility=hidden']
const COMMON_FLAGS = [
  '-pthread',
  ...['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wno-sign-conversion'],
  ...['-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_ADDON_API_DISABLE_DEPRECATED'],
]

/** No -ffast-math: infinities, NaN and the order of sums mean what they say, or a run would not repeat itself. */
const OPTIMISED = ['-O3', '-fno-math-errno', '-fno-trapping-math']
const VARIANTS = {
  // For the processor that compiles it.
  Release: [...OPTIMISED, '-march=native'],
  // As processors without AVX-512 run it (scripts/tests/other-builds.mjs).
  Avx2: [...OPTIMISED, '-march=haswell'],
  // As processors without AVX run it, and without oneDNN (scripts/tests/other-builds.mjs).
  Portable: [...OPTIMISED, '-march=x86-64-v2'],
  Sanitize: ['-O1', '-g', '-march=native', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'],
  // Node exports parts of the standard library: bound to those, shared pointers would count where the sanitizer cannot see it.
  Threads: ['-O1', '-g', '-march=native', '-fno-omit-frame-pointer', '-fsanitize=thread', '-Wl,-Bsymbolic'],
}

/** An addon finds libraries beside itself: that is where a bundle has them (src/deploy/bundle). */
const OWN_FOLDER = '-Wl,-rpath,$ORIGIN'

/**
 * Or the name of an instruction level: an addon of a release, for every processor that has it and an old glibc.
 * @typedef {keyof typeof VARIANTS | string} Variant
 */

/**
 * @typedef {object} Addon
 * @property {string} name of the .node file
 * @property {string} stamp name of its stamp
 * @property {string} sources folder
 * @property {string} objects folder of its objects below native/build/<variant>
 * @property {readonly string[]} include folders of the libraries' headers
 * @property {readonly string[]} compile further flags
 * @property {readonly string[]} link flags
 * @property {unknown} library what else it is built from, any JSON
 */

/**
 * @param {Addon} addon
 * @param {Variant} variant
 * @returns {Promise<boolean>} false where nothing was to do
 * @throws {SetupFault} with the compiler's findings
 */
export async function compileAddon(addon, variant) {
  const sources = filesBelow(addon.sources, ['.cpp'])
  const headers = [addon.sources, 'native/common'].flatMap((folder) => filesBelow(folder, ['.h', '.hpp']))
  const includes = [...nodeHeaders(), ...addon.include].flatMap((folder) => ['-isystem', folder])
  const level = flagsOfLevel(variant)
  const chosen = level === null ? VARIANTS[variant] : [...OPTIMISED, ...level]
  const flags = [...FORM, ...addon.compile, ...COMMON_FLAGS, ...chosen, ...includes]
  const toolchain = hashOf([
    await compilerVersion(),
    level === null ? processor() : '',
    JSON.stringify(addon.library),
    hashOfFiles(nodeHeaders().map((folder) => relative(root, headersVersion(folder)))),
  ])
  const target = inRoot(`native/build/${variant}/${addon.name}.node`)
  const stampName = `${addon.stamp}-${variant.toLowerCase()}`
  const linked = level === null ? [...addon.link, OWN_FOLDER] : addon.link
  const linker = level === null ? '' : linkerKey()
  const key = hashOf([toolchain, linker, ...flags, ...linked, hashOfFiles([...sources, ...headers])])
  if (existsSync(target) && readStamp(stampName)?.key === key) return false

  mkdirSync(objectsOf(addon, variant), { recursive: true })
  const objects = sources.map((source) => objectOf(source, objectsOf(addon, variant)))
  const waiting = sources.map((source, place) => [source, objects[place]])
  const compileNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await compile(next[0], next[1], flags, toolchain)
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, compileNext))
  const build = level === null ? linkHere(['-shared', '-pthread', ...chosen, ...linked]) : linkForRelease(linked)
  await link(objects, target, build)
  writeStamp(stampName, { key })
  return true
}

/** What the compiler said of the objects that the addon was linked from; empty where it had nothing to say. */
export function compilerWarnings(addon, variant = 'Release') {
  return filesBelow(addon.sources, ['.cpp'])
    .map((source) => `${objectOf(source, objectsOf(addon, variant))}.warnings`)
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('')
}

function nodeHeaders() {
  const require = createRequire(import.meta.url)
  return [require('node-api-headers').include_dir, dirname(require.resolve('node-addon-api/napi.h'))]
}

/** The package.json of the package that a folder of headers belongs to. */
function headersVersion(folder) {
  const path = join(folder, 'package.json')
  return existsSync(path) ? path : headersVersion(dirname(folder))
}

/** -march=native makes the addon one for this processor's instructions only. */
function processor() {
  const text = readFileSync('/proc/cpuinfo', 'utf8')
  return ['model name', 'flags', 'Features']
    .map((name) => new RegExp(`^${name}\\s*:.*$`, 'm').exec(text)?.[0] ?? '')
    .join()
}

const objectsOf = (addon, variant) => inRoot(`native/build/${variant}/${addon.objects}`)
const objectOf = (source, objects) => join(objects, `${basename(source, '.cpp')}.o`)

/** Compiles one source unless its object was made from the same source, headers, flags and tools. */
async function compile(source, object, flags, toolchain) {
  const dependencies = `${object}.d`
  const keyNow = () => hashOf([toolchain, ...flags, hashOfFiles(projectFilesIn(dependencies))])
  if (existsSync(object) && existsSync(dependencies) && keptKey(object) === keyNow()) return

  const begun = Date.now()
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
  // A file that was written while the compiler ran may have been read before: the object then has no key, and is made anew.
  const changed = projectFilesIn(dependencies).some((path) => statSync(resolve(root, path)).mtimeMs >= begun)
  if (changed) rmSync(`${object}.key`, { force: true })
  else writeFileSync(`${object}.key`, keyNow())
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
async function link(objects, target, build) {
  const aside = `${target}.${process.pid}.part`
  const { status, output } = await build(objects, aside)
  if (status !== 0) {
    throw new SetupFault('Expected the addon to link but the linker found faults', `Run: ${setupCommand}`, output)
  }
  renameSync(aside, target)
}

const linkHere = (flags) => (objects, target) =>
  runCommand(compiler, [...objects, '-o', target, ...flags], { cwd: root })
const linkForRelease = (libraries) => (objects, target) => linkForOldGlibc(objects, target, libraries)
