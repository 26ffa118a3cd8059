/** What goes into a bundle: every file with its place there. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { UserFault } from '../../vocabulary/fault.ts'

export interface BundledFile {
  /** Absolute path here. */
  readonly from: string
  /** Path in the bundle. */
  readonly to: string
}

/** Where the addons lie, and in a bundle the libraries that they need: the addons' run path has their own folder. */
export const ADDON_FOLDER = 'native/build/Release'
/** Libraries that a machine has, but maybe older than its addons and Node need. */
export const SPARE_FOLDER = 'spare'
export const NODE = 'bin/node'

/** Compiled code; of the tests what `check:device` needs. */
const CODE = ['dist/src', 'dist/workers', 'dist/web', 'dist/bench', 'dist/test/support']
/** Read as they are: by Python, and by the code. */
const PLAIN = ['bench/baselines', 'scripts/pytorch', 'package.json', 'native/pjrt/plugins.json', 'LICENSE']
/** Types, maps and texts that no program reads. */
const UNREAD = /\.(map|md|markdown|[cm]?tsx?|tsbuildinfo|pyc)$|\.test\.js$/i

/** @throws UserFault where something was not built */
export function listContents(root: string): BundledFile[] {
  if (root.split(sep).includes('node_modules')) {
    throw new UserFault(
      'Expected a clone of the repository to make a bundle of but received an installation from npm.',
      'Copy the folder of the project with its node_modules instead: what npm installed runs on every machine of its platform.',
    )
  }
  const addons = filesIn(root, ADDON_FOLDER).filter((path) => path.endsWith('.node') && dirname(path) === ADDON_FOLDER)
  if (!addons.includes(`${ADDON_FOLDER}/one.node`) || !existsSync(join(root, 'dist/src/cli/main.js'))) {
    throw new UserFault(
      'Expected a package that was built but received one without its addon.',
      'Build it: npx native-ensemble setup.',
    )
  }
  const own = [...CODE, ...PLAIN].flatMap((path) => filesIn(root, path)).concat(addons)
  const libraries = addons.flatMap((path) => librariesOf(join(root, path)))
  return unique([
    { from: realpathSync(process.execPath), to: NODE },
    ...own.map((path) => ({ from: join(root, path), to: path })),
    ...libraries.map(({ name, path }) => ({ from: path, to: join(isSpare(name) ? SPARE_FOLDER : ADDON_FOLDER, name) })),
    ...packageFolders(root).flatMap((folder) => packageFiles(root, folder)),
  ])
}

/** The first of those that have one place. */
function unique(files: readonly BundledFile[]): BundledFile[] {
  return [...new Map(files.toReversed().map((file) => [file.to, file])).values()].reverse()
}

/** Files of a folder of the package, or the file itself, relative to `root`. */
function filesIn(root: string, path: string): string[] {
  const whole = join(root, path)
  if (!existsSync(whole)) return []
  if (statSync(whole).isFile()) return [path]
  return readdirSync(whole, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((name) => !UNREAD.test(name) && statSync(join(root, name)).isFile())
    .toSorted()
}

/** Parts of the C library: they belong to the kernel and loader of the machine. */
const OF_SYSTEM = /^(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|resolv|util)\.so)/
const isSpare = (name: string) => /^lib(stdc\+\+|gcc_s)\.so/.test(name)

/** Shared libraries that an addon needs, by the names it knows them by. @throws UserFault where one is missing here */
function librariesOf(addon: string): { readonly name: string; readonly path: string }[] {
  const { status, stdout, error } = spawnSync('ldd', [addon], { encoding: 'utf8' })
  if (status !== 0) {
    throw new UserFault(
      `Expected ldd to tell the libraries of ${addon} but it failed${error === undefined ? '' : `: ${error.message}`}.`,
      'It comes with glibc (Debian: libc-bin).',
    )
  }
  return [...stdout.matchAll(/^\s*(\S+)(?: => (not found|\S+))? /gm)].flatMap(([, name = '', path = name]) => {
    if (OF_SYSTEM.test(basename(name))) return []
    if (path.startsWith('/')) return [{ name: basename(name), path: realpathSync(path) }]
    throw new UserFault(
      `Expected the library ${name} of ${basename(addon)} but received none.`,
      'Build it: npx native-ensemble setup.',
    )
  })
}

/** Folders of the packages that a run needs, relative to `root`, found as Node finds them. */
function packageFolders(root: string): string[] {
  const folders = new Set<string>()
  const visit = (from: string, manifest: Manifest) => {
    const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
    for (const name of names.filter((one) => !/^@(types|webgpu)\//.test(one))) {
      const folder = findPackage(root, from, name)
      // An optional one of another system.
      if (folder === null || folders.has(folder)) continue
      folders.add(folder)
      visit(folder, readManifest(join(root, folder)))
    }
  }
  visit('.', readManifest(root))
  return [...folders].toSorted()
}

function findPackage(root: string, from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(root, candidate, 'package.json'))) return candidate
    if (folder === '.') return null
  }
}

interface Manifest {
  readonly main?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** All of a package but what no program reads; of TensorFlow.js, whose 50 MB hold it in nine forms, the one that Node loads. */
function packageFiles(root: string, folder: string): BundledFile[] {
  const main = folder.includes('/@tensorflow/') ? readManifest(join(root, folder)).main : undefined
  return filesIn(root, folder)
    .filter((path) => !relative(folder, path).startsWith('node_modules/'))
    .filter((path) => main === undefined || ['package.json', 'LICENSE', main].includes(relative(folder, path)))
    .map((path) => ({ from: join(root, path), to: path }))
}
