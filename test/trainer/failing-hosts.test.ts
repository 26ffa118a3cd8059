/** Hosts that fail, never come or do not fit end all the others with one clear error. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { type EndedProcess, TRAIN_TINY } from './run-cli.ts'
import { endsOf, freePort, startHost, startHosts } from './start-hosts.ts'

t.setTimeout(580_000)
const cwd = t.testdir()
const SOON = { NATIVE_ENSEMBLE_HOST_TIMEOUT: '8' }
/** Both are to come within it, on a busy machine too. */
const LATER = { NATIVE_ENSEMBLE_HOST_TIMEOUT: '20' }

/** The user's fault: a sentence, no stack. */
function saysOnly(t: Test, { code, stderr }: EndedProcess, message: RegExp): void {
  t.equal(code, 2, stderr)
  t.match(stderr, message)
  t.equal(stderr.match(/^error: /gm)?.length, 1, 'one error')
  t.notMatch(stderr, /^\s+at /m)
}

t.test('a host that dies ends the other; the last checkpoint is whole', async (t) => {
  const argv = [...TRAIN_TINY, '--batch', '80', '--epochs', '99', '--out', 'killed']
  for (const victim of [1, 0]) {
    const hosts = await startHosts(argv.with(-1, `killed-${victim}`), 2, { cwd })
    await hosts[0]?.said('epoch 2/')
    hosts[victim]?.child.kill('SIGKILL')
    const ends = await endsOf(hosts)
    saysOnly(t, ends[1 - victim] ?? ends[0], new RegExp(`Expected host ${victim} to go on but it`))
    const checkpoint = await latestCheckpoint(join(cwd, `killed-${victim}`))
    t.ok((await loadCheckpoint(checkpoint ?? '')).progress.step >= 2)
  }
})

t.test('a host that hangs ends the other within the time-out', async (t) => {
  const hosts = await startHosts([...TRAIN_TINY, '--epochs', '50', '--out', 'hung'], 2, { cwd, env: LATER })
  await hosts[0]?.said('step 3/')
  hosts[1]?.child.kill('SIGSTOP')
  const leader = await hosts[0]?.ended
  hosts[1]?.child.kill('SIGKILL')
  if (leader !== undefined) saysOnly(t, leader, /Expected host 1 to .*silent/)
})

t.test('a host that never comes', async (t) => {
  const port = await freePort()
  const run = (rank: number) =>
    startHost([...TRAIN_TINY, '--out', 'absent'], { rank, hosts: 2, port }, { cwd, env: SOON })
  saysOnly(t, await run(0).ended, /Expected 2 hosts within 8 s but rank 1 did not come/)
  saysOnly(t, await run(1).ended, /Expected rank 0 at --coordinator 127.0.0.1:\d+ within 8 s/)
  t.notOk((await readdir(cwd)).includes('absent'), 'nothing was made')
})

t.test(
  'hosts with other settings, commands or numbers are refused on both sides, before anything is made',
  async (t) => {
    const other = async (leads: readonly string[], follows: readonly string[], message: RegExp) => {
      const port = await freePort()
      const [leader, follower] = await endsOf([
        startHost([...leads, '--out', 'refused'], { rank: 0, hosts: 2, port }, { cwd }),
        startHost(follows, { rank: 1, hosts: 2, port }, { cwd }),
      ])
      saysOnly(t, leader, message)
      saysOnly(t, follower, message)
    }
    const lr =
      /same settings.*--lr is 0.1 on host 0 and 0.2 on host 1; --devices is 1 x cpu on host 0 and 2 x cpu on host 1/
    await other([...TRAIN_TINY], [...TRAIN_TINY, '--lr', '0.2', '--devices', 'cpu:2'], lr)
    await other([...TRAIN_TINY], ['resume', 'refused'], /Expected train on all hosts but received resume on host 1/)
    t.notOk((await readdir(cwd)).includes('refused'))
  },
)

t.test('a host that cannot read its images ends all with its own words', async (t) => {
  const port = await freePort()
  const [leader, follower] = await endsOf([
    startHost([...TRAIN_TINY, '--out', 'no-images'], { rank: 0, hosts: 2, port }, { cwd }),
    startHost([...TRAIN_TINY, '--data', 'nowhere.tar.gz'], { rank: 1, hosts: 2, port }, { cwd }),
  ])
  saysOnly(t, leader, /Expected host 1 to go on but it failed: .*nowhere\.tar\.gz/)
  saysOnly(t, follower, /nowhere\.tar\.gz/)
  t.notOk((await readdir(cwd)).includes('no-images'))
})

t.test('what knocks at the coordinator and is no host is turned away', async (t) => {
  const port = await freePort()
  const leader = startHost([...TRAIN_TINY, '--steps', '2', '--out', 'knocked'], { rank: 0, hosts: 2, port }, { cwd })
  await leader.said('Waiting for 1 other host')
  await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
  const follower = startHost([...TRAIN_TINY, '--steps', '2'], { rank: 1, hosts: 2, port }, { cwd })
  for (const { code, stderr } of await endsOf([leader, follower])) t.equal(code, 0, stderr)
})
