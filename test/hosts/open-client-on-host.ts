/** A process of key-value-store.test.ts: opens a client as one host of several and prints why that failed. */
import { openClient } from '../../src/engine/executors/xla/open-client.ts'

const [plugin = '', rank, hosts, port, prefix = '', key = ''] = process.argv.slice(2)
const store = { host: '127.0.0.1', port: Number(port), prefix, key: Buffer.from(key, 'hex') }
try {
  openClient({ platform: 'gpu', devices: [0], plugin, hosts: { hosts: Number(hosts), rank: Number(rank), store } })
} catch (error) {
  process.stdout.write(error instanceof Error ? error.message : String(error))
}
