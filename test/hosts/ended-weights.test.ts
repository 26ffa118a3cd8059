/** All hosts end a run with the same weights, or it is told. */
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { HostFollower } from '../../src/train/hosts/host-follower.ts'
import { HostLeader } from '../../src/train/hosts/host-leader.ts'
import { stateDigest } from '../../src/train/hosts/state-digest.ts'
import { freePort } from '../trainer/start-hosts.ts'

t.setTimeout(120_000)
const KEY = Buffer.from('a secret of this test')

/** The end of a run on three hosts, with these states. */
async function endedRun(states: readonly (string | null)[]): Promise<void> {
  const port = await freePort()
  const config = await makeConfig(null, { network: 'resnet-8', dataset: 'cifar10', hosts: 3, batch: 12 }, [])
  const place = (rank: number) => ({ hosts: 3, rank, coordinator: { host: '127.0.0.1', port } })
  const gathered = HostLeader.gather(place(0), KEY, 'resume', config, () => {})
  const followers = await Promise.all([1, 2].map((rank) => HostFollower.join(place(rank), KEY, 'resume', null)))
  const leader = await gathered
  leader.endRun(states[0] ?? null)
  for (const [index, follower] of followers.entries()) {
    t.equal((await follower.next()).kind, 'end')
    await follower.ended(states[index + 1] ?? null)
  }
  try {
    await leader.finish('finished')
    for (const follower of followers) t.equal((await follower.next()).kind, 'finished')
  } finally {
    await leader.fail(new Error('the test is over'))
    for (const follower of followers) follower.close()
  }
}

t.test('equal states end well, another one is told with its host', async (t) => {
  await endedRun(['a', 'a', 'a'])
  await endedRun([null, null, null])
  await t.rejects(endedRun(['a', 'a', 'b']), { name: 'UserFault', message: /same weights .* others on host 2/ })
  await t.rejects(endedRun(['a', 'b', 'a']), { message: /others on host 1/ })
})

t.test('a host that is lost after the last step is the error of the run, and of nothing else', async (t) => {
  const port = await freePort()
  const config = await makeConfig(null, { network: 'resnet-8', dataset: 'cifar10', hosts: 2, batch: 12 }, [])
  const place = (rank: number) => ({ hosts: 2, rank, coordinator: { host: '127.0.0.1', port } })
  const gathered = HostLeader.gather(place(0), KEY, 'resume', config, () => {})
  const follower = await HostFollower.join(place(1), KEY, 'resume', null)
  const leader = await gathered
  const lost = new Promise((resolve) => leader.failed.addEventListener('abort', resolve))
  leader.endRun('a')
  follower.close()
  await lost
  // As a run that failed ends: `finish` is not called.
  await leader.fail(leader.failed.reason)
  t.match(leader.failed.reason, { message: /Expected host 1 to go on but it failed/ })
})

t.test('one bit makes another digest', (t) => {
  const state = new SharedArrayBuffer(64)
  const before = stateDigest({ executor: 'cpu' }, state)
  new Uint8Array(state)[63] = 1
  t.not(stateDigest({ executor: 'cpu' }, state), before)
  t.equal(stateDigest({ executor: 'xla' }, state), null)
  t.end()
})
