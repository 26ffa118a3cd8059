/** Which device is which replica, on one host and over several. */
import t from 'tap'
import { replicaDevices } from '../../../src/engine/executors/xla/compiled-xla.ts'

/** A client as host 1 of two sees it: the plugin numbers devices as it likes. */
const facts = {
  platform: 'cuda',
  platformVersion: '13',
  major: 0,
  minor: 116,
  devices: [8, 9, 10].map((id) => ({ id, kind: 'H200' })),
  everywhere: [9, 2, 8, 0, 10].map((id) => ({ id, process: id < 8 ? 0 : 1 })),
}

t.test('a host alone takes its own first devices', (t) => {
  t.same(replicaDevices(facts, 2, 1), [8, 9])
  t.end()
})

t.test('replicas over all hosts are numbered by host, then by device, the same on each', (t) => {
  t.same(replicaDevices(facts, 2, 2), [0, 2, 8, 9])
  t.same(replicaDevices({ ...facts, devices: [] }, 1, 2), [0, 8])
  t.throws(() => replicaDevices(facts, 3, 2), {
    name: 'UserFault',
    message: /3 or more devices on each host.*2 on host 0/,
  })
  t.end()
})
