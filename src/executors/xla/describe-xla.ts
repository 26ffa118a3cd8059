import { UserFault } from '../../vocabulary/fault.ts'
import type { DeviceReport } from '../executor.ts'
import { findPlugin, type XlaPlatform } from './find-plugin.ts'
import { openClient } from './open-client.ts'

/** What `native-ensemble devices` says of this executor: a line a platform, from a client that is opened for it. */
export function describeXla(): DeviceReport[] {
  const platforms: readonly XlaPlatform[] = ['gpu', 'cpu']
  return platforms.map((platform) => {
    const base = { executor: 'xla', device: platform === 'cpu' ? 'xla-cpu' : 'gpu' }
    try {
      const { origin } = findPlugin(platform, null)
      const { facts, warning } = openClient({
        platform,
        devices: platform === 'cpu' ? 1 : null,
        plugin: null,
      })
      const kinds = facts.devices.map(({ kind }) => kind)
      const devices = `${kinds.length} x ${[...new Set(kinds)].join(', ')}`
      const detail = `PJRT plugin ${origin}, API 0.${facts.minor}, ${facts.platform}: ${devices}`
      return { ...base, works: true, detail: warning === null ? detail : `${detail}. ${warning}`, remedy: null }
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      return { ...base, works: false, detail: error.message, remedy: error.remedy }
    }
  })
}
