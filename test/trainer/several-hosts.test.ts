/** One run on several hosts: processes that sum their gradients over TCP. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { type CliProcess, runCli, startCli, TRAIN_TINY } from './run-cli.ts'
import { coresOf, endsOf, freePort, startHost, startHosts } from './start-hosts.ts'

const STEPS = 12
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
t.setTimeout(580_000)
const cwd = t.testdir()

const ended = (hosts: readonly CliProcess[]) => Promise.all(hosts.map((host) => host.ended))

t.test(
  'two hosts train the bits of one with two replicas, whatever each decodes with; host 0 alone writes',
  async (t) => {
    const alone = await runCli([...TRAIN, '--devices', 'cpu:2', '--out', 'alone'], { cwd, cores: coresOf(2) })
    t.equal(alone.code, 0, alone.stderr)
    const port = await freePort()
    const hosts = [0, 1].map((rank) =>
      startHost(
        [...TRAIN, '--out', `host-${rank}`, '--decode-workers', `${1 + rank}`],
        { rank, hosts: 2, port },
        { cwd },
      ),
    )
    const [leader, follower] = await endsOf(hosts)
    t.equal(leader.code, 0, leader.stderr)
    t.equal(follower.code, 0, follower.stderr)
    t.match(leader.stdout, /mean of the branches/)
    t.equal(follower.stdout, '')
    t.match(follower.stderr, /Host 1 of 2: .*nothing is written here/)
    t.same(await readRun(join(cwd, 'host-0'), STEPS), await readRun(join(cwd, 'alone'), STEPS))
    t.notOk((await readdir(cwd)).includes('host-1'))
  },
)

t.test('a run that is asked to end on another host is saved, and resumed to the same bits', async (t) => {
  const hosts = await startHosts([...TRAIN, '--checkpoint-steps', '2', '--keep', '99', '--out', 'stopped'], 2, { cwd })
  await hosts[0]?.said('step 3/')
  hosts[1]?.child.kill('SIGTERM')
  const [leader, follower] = await endsOf(hosts)
  t.equal(leader.code, 130, leader.stderr)
  t.equal(follower.code, 143, follower.stderr)
  const { progress } = await loadCheckpoint((await latestCheckpoint(join(cwd, 'stopped'))) ?? '')
  t.ok(progress.step >= 3 && progress.step < STEPS, `step ${progress.step}`)

  // Host 1 needs no run folder: it takes configuration and state from host 0.
  const from = await rewindRun(join(cwd, 'stopped'), join(cwd, 'rewound'), progress.step)
  for (const run of ['stopped', 'rewound']) {
    const port = await freePort()
    const resumed = await ended([
      startHost(['resume', run], { rank: 0, hosts: 2, port }, { cwd }),
      startHost(['resume', 'elsewhere'], { rank: 1, hosts: 2, port }, { cwd }),
    ])
    t.same(
      resumed.map(({ code }) => code),
      [0, 0],
      resumed.map(({ stderr }) => stderr).join('\n'),
    )
    t.same(await readRun(join(cwd, run), STEPS), await readRun(join(cwd, 'host-0'), STEPS), `from step ${from}`)
  }
})

t.test('hosts distil from a teacher that they train first', async (t) => {
  const kd = ['--method', 'kd', '--teacher-network', 'resnet-14', '--steps', '2', '--out', 'kd']
  // As torchrun and other launchers tell it.
  const port = await freePort()
  const variables = (rank: number) => ({
    WORLD_SIZE: '2',
    RANK: `${rank}`,
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: `${port}`,
  })
  const hosts = await ended([0, 1].map((rank) => startCli([...TRAIN_TINY, ...kd], { cwd, env: variables(rank) })))
  for (const { code, stderr } of hosts) t.equal(code, 0, stderr)
  t.ok((await readdir(join(cwd, 'kd'))).includes('teacher'))
})
