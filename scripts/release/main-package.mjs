/** The package itself, laid out as it is published: compiled code with its types, and the sources of the addons for `setup`. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inRoot, root } from '../setup/places.mjs'
import { runCommand } from '../setup/run-command.mjs'
import { SetupFault } from '../setup/setup-fault.mjs'
import { bundlePage } from '../setup/web-page.mjs'
import { commonFields, manifest, PLATFORMS, platformPackage } from './packages.mjs'

/** Of no use to who installs it. */
const LEFT_OUT = ['scripts', 'devDependencies']
/** npm packs these unasked. */
const ALWAYS = ['README.md', 'LICENSE']

/**
 * @param {string} folder made anew
 * @throws {SetupFault} where the sources do not compile
 */
export async function stageMainPackage(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tsc = [
    inRoot('node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.release.json',
    '--outDir',
    join(folder, 'dist'),
  ]
  const { status, output } = await runCommand(process.execPath, tsc, { cwd: root })
  if (status !== 0)
    throw new SetupFault('Expected the sources to compile but tsc found faults', 'Correct them.', output)
  await bundlePage(join(folder, 'dist/src/deploy/web/page/page.js'), join(folder, 'dist/web/page.js'))
  for (const path of [...manifest.files, ...ALWAYS].filter((path) => !/^!|^dist\//.test(path))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(inRoot(path), join(folder, path), { recursive: true })
  }
  const kept = Object.entries(manifest).filter(([field]) => !LEFT_OUT.includes(field))
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((one) => [platformPackage(one), manifest.version]))
  const published = { ...Object.fromEntries(kept), ...commonFields(), optionalDependencies }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
}
