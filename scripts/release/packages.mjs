/** What the packages of a release are called. */
import { readFileSync } from 'node:fs'
import { inRoot } from '../setup/places.mjs'

/** Platforms with prebuilt addons, by the words of package.json. */
export const PLATFORMS = [{ os: 'linux', cpu: 'x64', libc: 'glibc' }]

/** The package with a platform's addons; src/vocabulary/addon-file.ts looks for it by this name. */
export const platformPackage = ({ os, cpu }) => `@native-ensemble/${os}-${cpu}`

/** package.json of the project. */
export const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'))

/** What npm pack calls the archive of a package. */
export const archiveOf = (name) => `${name.replace(/^@/, '').replace('/', '-')}-${manifest.version}.tgz`

/** Fields that each package of the release has. The address of the repository is the publishing workflow's, which provenance compares. */
export function commonFields() {
  const { version, license, engines, author, homepage } = manifest
  const server = process.env.GITHUB_SERVER_URL
  const repository =
    manifest.repository ??
    (server === undefined ? undefined : { type: 'git', url: `git+${server}/${process.env.GITHUB_REPOSITORY}.git` })
  return { version, license, author, homepage, repository, engines }
}
