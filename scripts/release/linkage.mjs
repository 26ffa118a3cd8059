/** What addons need of the machine that loads them, read from their dynamic symbols with objdump. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../setup/run-command.mjs'
import { SetupFault } from '../setup/setup-fault.mjs'

/** Parts of glibc; every other library is in the addon. */
const OF_GLIBC = /^(libc|libm|libdl|libpthread|librt|ld-linux-[\w-]+)\.so\.\d$/

/**
 * @param {string} folder of .node files
 * @param {string} newest version of glibc that they may need
 * @returns {Promise<string>} the oldest version that all of them load with
 * @throws {SetupFault} where one needs a newer one, another library, or exports more than Node looks for
 */
export async function checkLinkage(folder, newest) {
  const all = []
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.node'))) {
    const { libraries, versions, exported } = await linkageOf(join(folder, file))
    const others = libraries.filter((name) => !OF_GLIBC.test(name))
    const strange = exported.filter(
      (name) => !/^napi_register_module_v\d+$|^node_api_module_get_api_version_v1$/.test(name),
    )
    const oldest = versions.sort(compareVersions).at(-1) ?? '0'
    const complaint =
      (others.length > 0 && `it needs ${others.join(', ')}`) ||
      (strange.length > 0 && `it exports ${strange.slice(0, 3).join(', ')}`) ||
      (compareVersions(oldest, newest) > 0 && `it needs glibc ${oldest}`)
    if (complaint) {
      throw new SetupFault(
        `Expected ${file} to need nothing but glibc ${newest} but ${complaint}`,
        'scripts/setup/old-glibc.mjs links it.',
      )
    }
    all.push(oldest)
  }
  return all.sort(compareVersions).at(-1)
}

/** @returns {Promise<{libraries: string[], versions: string[], exported: string[]}>} */
async function linkageOf(path) {
  const { status, stdout, output } = await runCommand('objdump', ['-p', '-T', path])
  if (status !== 0)
    throw new SetupFault(`Expected objdump to read ${path}`, 'Install it: sudo apt-get install binutils', output)
  const symbols = stdout.split('\n').filter((line) => /^[0-9a-f]{16} /.test(line))
  return {
    libraries: [...stdout.matchAll(/^\s+NEEDED\s+(\S+)$/gm)].map(([, name]) => name),
    versions: [...stdout.matchAll(/GLIBC_(\d+(?:\.\d+)+)/g)].map(([, version]) => version),
    exported: symbols.filter((line) => !/\*UND\*|\*ABS\*/.test(line)).map((line) => line.split(/\s+/).at(-1)),
  }
}

/** Negative where `one` is older. */
function compareVersions(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number))
  const at = a.findIndex((part, place) => part !== (b[place] ?? 0))
  return at === -1 ? a.length - b.length : a[at] - (b[at] ?? 0)
}
