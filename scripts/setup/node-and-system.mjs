import { SetupFault } from './setup-fault.mjs'

/** First version with zlib.crc32, which the shards' checksums use. */
const OLDEST = [20, 15]

/** @throws {SetupFault} where this Node is too old to run the package, or the system is not Linux */
export function checkNode(version = process.versions.node, platform = process.platform) {
  if (platform !== 'linux') {
    throw new SetupFault(
      `Expected Linux but received ${platform}`,
      'Run it on Debian 12, Ubuntu 24.04 or another Linux; a container or a virtual machine will do.',
    )
  }
  const [major, minor] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new SetupFault(
      `Expected Node ${OLDEST.join('.')} or newer but received ${version}`,
      "Install Node 20 or newer (from nodejs.org or the system's package nodejs), then run the command again.",
    )
  }
}
