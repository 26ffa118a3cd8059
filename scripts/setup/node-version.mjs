import { SetupFault } from './setup-fault.mjs'

/** First version with zlib.crc32, which the shards' checksums use. */
const OLDEST = [20, 15]

/** @throws {SetupFault} where this Node is too old to run the package */
export function checkNodeVersion(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new SetupFault(
      `Expected Node ${OLDEST.join('.')} or newer but received ${version}`,
      'Install Node 20 or newer (nodejs.org, or your system\'s package "nodejs") and run the command again.',
    )
  }
}
