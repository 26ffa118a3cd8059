/** Makes one file of all that a machine without Node and a network needs. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { type BundledFile, listContents, NODE } from './bundle-contents.ts'
import { launcherScript, startScript, thisMachine } from './launcher.ts'

/** From dist/src/bundle/ to the package's root. */
const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** What tar calls the compression that a name asks for. */
const PACKERS: readonly { readonly ending: string; readonly option: string; readonly needs: string }[] = [
  { ending: '.tar.xz', option: '--xz', needs: 'xz-utils' },
  { ending: '.tar.gz', option: '--gzip', needs: 'gzip' },
  { ending: '.tar', option: '', needs: 'tar' },
]
/** xz's own default needs 94 MiB and is a tenth smaller than gzip's best by a third; all cores are taken. */
const XZ_OPTIONS = '-6 -T0'

export interface Bundle {
  readonly path: string
  readonly bytes: number
  readonly files: number
  /** What its addons are compiled for. */
  readonly processor: string
}

/**
 * @param file name of the archive, new
 * @param note told of each stage
 * @throws UserFault where the file is there, its ending is unknown, or a program that packs is missing
 */
export function makeBundle(file: string, note: (stage: string) => void): Bundle {
  const path = resolve(file)
  const packer = PACKERS.find(({ ending }) => path.endsWith(ending))
  if (packer === undefined) {
    throw expected(
      'a name that ends in .tar.xz, .tar.gz or .tar',
      'the bundle',
      file,
      'native-ensemble bundle carried.tar.xz',
    )
  }
  if (existsSync(path)) throw expected('a new file', 'the bundle', file, 'Remove it, or give another name.')
  const contents = listContents(root)
  const machine = thisMachine()
  const stage = mkdtempSync(join(tmpdir(), 'native-ensemble-bundle-'))
  const aside = `${path}.${process.pid}.part`
  try {
    note(`${contents.length} files`)
    for (const one of contents) copyInto(stage, one)
    writeScripts(stage, machine)
    note(`packing as ${packer.ending.slice(1)}`)
    pack(stage, aside, packer)
    renameSync(aside, path)
    return { path, bytes: statSync(path).size, files: contents.length, processor: machine.processor }
  } finally {
    rmSync(stage, { recursive: true, force: true })
    rmSync(aside, { force: true })
  }
}

function copyInto(stage: string, { from, to }: BundledFile): void {
  const target = join(stage, to)
  try {
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(from, target)
  } catch (error) {
    throw fileFault(error, 'copy', from)
  }
  // Symbols of functions are of use to debuggers alone. Without binutils the bundle is only larger.
  if (to === NODE) spawnSync('strip', [target])
  else if (/\.so(\.|$)|\.node$/.test(to)) spawnSync('strip', ['--strip-unneeded', target])
}

function writeScripts(stage: string, machine: ReturnType<typeof thisMachine>): void {
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(stage, name), text)
    chmodSync(join(stage, name), mode)
  }
  write('start.sh', startScript(machine), 0o644)
  const main = 'exec "$node" "$here/dist/src/cli/main.js" "$@"'
  write(
    'native-ensemble',
    launcherScript(main, 'native-ensemble on a machine without Node: ./native-ensemble --help'),
    0o755,
  )
  const bench = 'name=$1\nshift\nexec "$node" "$here/dist/bench/$name.js" "$@"'
  write(
    'benchmark',
    launcherScript(bench, 'A benchmark by its name: ./benchmark gpu --minutes 5, ./benchmark device-check gpu'),
    0o755,
  )
  write('bundle.json', `${JSON.stringify(machine, null, 1)}\n`, 0o644)
}

function pack(stage: string, target: string, { option, needs, ending }: (typeof PACKERS)[number]): void {
  // The same files give the same archive: no times, owners or order of the disk in it.
  const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
  const args = ['-C', stage, ...fixed, ...(option === '' ? [] : [option]), '-cf', target, '.']
  const { status, stderr, error } = spawnSync('tar', args, {
    encoding: 'utf8',
    env: { ...process.env, XZ_OPT: XZ_OPTIONS },
  })
  if (status === 0) return
  const reason = error?.message ?? stderr.trim().split('\n').at(-1) ?? ''
  throw new UserFault(
    `Expected tar to write ${ending.slice(1)} but received: ${reason}.`,
    `Check the free space there, install ${needs} (sudo apt-get install ${needs}), or give the bundle another ending: .tar.gz, .tar.`,
  )
}
