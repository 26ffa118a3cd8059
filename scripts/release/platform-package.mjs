/** A platform's package: the addons at each instruction set, laid out as they are published. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildReleasedEngine } from '../setup/addon.mjs'
import { buildReleasedDecoder } from '../setup/image-addon.mjs'
import { LEVELS } from '../setup/instruction-levels.mjs'
import { GLIBC } from '../setup/old-glibc.mjs'
import { buildReleasedPjrtClient } from '../setup/pjrt-addon.mjs'
import { inRoot } from '../setup/places.mjs'
import { timed } from '../setup/set-up.mjs'
import { SetupFault } from '../setup/setup-fault.mjs'
import { checkLinkage } from './linkage.mjs'
import { commonFields, PLATFORMS, platformPackage } from './packages.mjs'

/** Levels that give an addon something; the client of XLA's plugins computes nothing itself. */
const BUILDS = {
  x64: {
    one: { build: buildReleasedEngine, levels: ['x86-64-v4-bf16', 'x86-64-v4', 'x86-64-v3', 'x86-64-v2'] },
    images: { build: buildReleasedDecoder, levels: ['x86-64-v4-bf16', 'x86-64-v3', 'x86-64-v2'] },
    pjrt: { build: buildReleasedPjrtClient, levels: ['x86-64-v2'] },
  },
}

/**
 * @param {string} folder made anew
 * @returns {Promise<{name: string, glibc: string}>} `glibc`: the oldest that its files load with, as measured
 * @throws {SetupFault}
 */
export async function stagePlatformPackage(folder) {
  const platform = PLATFORMS.find(({ os, cpu }) => os === process.platform && cpu === process.arch)
  if (platform === undefined) {
    throw new SetupFault(
      `Expected a platform with prebuilt addons but received ${process.platform}-${process.arch}`,
      'The others compile them: native-ensemble setup',
    )
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const addons = {}
  for (const [name, { build, levels }] of Object.entries(BUILDS[process.arch])) {
    addons[name] = {}
    for (const level of levels) {
      await timed(`${name} for ${level}`, async () => ((await build(level)) ? `${name} compiled for ${level}` : null))
      addons[name][level] = `${name}-${level}.node`
      copyFileSync(inRoot(`native/build/${level}/${name}.node`), join(folder, addons[name][level]))
    }
  }
  const glibc = await checkLinkage(folder, GLIBC)
  const levels = Object.entries(LEVELS[process.arch]).map(([level, { needs }]) => ({ level, needs }))
  writeJson(join(folder, 'builds.json'), { glibc, levels, addons })
  const name = platformPackage(platform)
  const { os, cpu, libc } = platform
  const description = `Prebuilt addons of native-ensemble for ${os}-${cpu} with glibc ${GLIBC} or newer`
  const fields = { name, description, os: [os], cpu: [cpu], libc: [libc], files: ['*'] }
  writeJson(join(folder, 'package.json'), { ...fields, ...commonFields() })
  writeFileSync(join(folder, 'README.md'), `# ${name}\n\n${description}. Installed by native-ensemble itself.\n`)
  copyFileSync(inRoot('LICENSE'), join(folder, 'LICENSE'))
  copyFileSync(inRoot('scripts/release/THIRD-PARTY-LICENSES.txt'), join(folder, 'THIRD-PARTY-LICENSES.txt'))
  return { name, glibc }
}

const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
