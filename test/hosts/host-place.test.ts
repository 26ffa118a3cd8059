/** Which host a process is: options, launchers' variables, and sets that are only half given. */
import t from 'tap'
import { findHostPlace, type HostOptions, printAddress } from '../../src/config/host-place.ts'
import { firstOfNodeList } from '../../src/config/node-list.ts'

const ALONE = { place: null, faults: [] }
const SLURM = {
  SLURM_JOB_ID: '4097',
  SLURM_STEP_NODELIST: 'gpu[07-09],cpu1',
  SLURM_STEP_NUM_TASKS: '4',
  SLURM_STEP_NUM_NODES: '4',
  SLURM_PROCID: '2',
}
const TORCHRUN = { WORLD_SIZE: '2', RANK: '1', LOCAL_WORLD_SIZE: '1', MASTER_ADDR: 'node1', MASTER_PORT: '29500' }

/** As mpiexec of Open MPI and of MPICH set them on the second of three hosts, one process on each. */
const OPEN_MPI = {
  OMPI_COMM_WORLD_SIZE: '3',
  OMPI_COMM_WORLD_RANK: '1',
  OMPI_COMM_WORLD_LOCAL_SIZE: '1',
  PMIX_RANK: '1',
  PMIX_NAMESPACE: 'prterun-node1-7@1',
}
const MPICH = { PMI_SIZE: '3', PMI_RANK: '1', MPI_LOCALNRANKS: '1', MPI_LOCALRANKID: '0' }

const faults = (options: HostOptions, environment: Record<string, string> = {}) =>
  findHostPlace(options, environment).faults.map(({ message, remedy }) => `${message} ${remedy}`)

t.test('a process with neither options nor variables trains alone', (t) => {
  t.same(findHostPlace({}, {}), ALONE)
  t.same(findHostPlace({ hosts: '1' }, SLURM), ALONE, '--hosts 1 wins')
  t.same(findHostPlace({}, { ...TORCHRUN, WORLD_SIZE: '1', RANK: '0' }), ALONE)
  t.same(findHostPlace({}, { SLURM_NTASKS: '4', SLURM_JOB_ID: '1' }), ALONE, 'a batch script is no step of srun')
  t.same(findHostPlace({}, { MASTER_ADDR: 'left-over' }), ALONE)
  t.end()
})

t.test('options', (t) => {
  t.same(findHostPlace({ hosts: '3', hostRank: '2', coordinator: 'a.b:7000' }, {}).place, {
    hosts: 3,
    rank: 2,
    coordinator: { host: 'a.b', port: 7000 },
  })
  t.match(findHostPlace({ hosts: '2', hostRank: '0', coordinator: '[::1]:80' }, {}).place?.coordinator, { host: '::1' })
  t.end()
})

t.test("srun's and torchrun's variables", (t) => {
  t.same(findHostPlace({}, SLURM), {
    place: { hosts: 4, rank: 2, coordinator: { host: 'gpu07', port: 61_441 } },
    faults: [],
  })
  const place = { hosts: 2, rank: 1, coordinator: { host: 'node1', port: 29_500 } }
  t.same(findHostPlace({}, TORCHRUN), { place, faults: [] })
  const given = findHostPlace({ hosts: '2', coordinator: 'other:1' }, TORCHRUN).place
  t.same(given, { ...place, coordinator: { host: 'other', port: 1 } }, 'options win, each by itself')
  const agent = { ...TORCHRUN, TORCHELASTIC_USE_AGENT_STORE: 'True' }
  t.equal(findHostPlace({}, agent).place?.coordinator.port, 29_501, "torchrun's agent listens at MASTER_PORT itself")
  const exported = { ...SLURM, MASTER_ADDR: 'node1', MASTER_PORT: '29500', WORLD_SIZE: '4' }
  t.same(findHostPlace({}, exported).place, { ...place, hosts: 4, rank: 2 }, 'as job scripts for PyTorch export them')
  t.end()
})

t.test('mpiexec, with the address of rank 0 in an option, in MASTER_ADDR or of the allocation', (t) => {
  const place = { hosts: 3, rank: 1, coordinator: { host: 'node1', port: 29_500 } }
  const master = { MASTER_ADDR: 'node1', MASTER_PORT: '29500' }
  const job = { ...SLURM, SLURM_JOB_NODELIST: 'gpu[06-08]', SLURM_JOB_NUM_NODES: '3' }
  const daemon = { ...job, SLURM_STEP_NUM_TASKS: '2', SLURM_STEP_NUM_NODES: '2', SLURM_PROCID: '0' }
  for (const launcher of [OPEN_MPI, MPICH]) {
    t.same(findHostPlace({ coordinator: 'node1:29500' }, launcher), { place, faults: [] })
    t.same(findHostPlace({}, { ...launcher, ...master }), { place, faults: [] })
    const within = { ...place, coordinator: { host: 'gpu06', port: 61_441 } }
    t.same(findHostPlace({}, { ...daemon, ...launcher }).place, within, "srun started mpiexec's daemons only")
  }
  const pmi = { ...job, PMI_SIZE: '4', PMI_RANK: '2' }
  t.same(findHostPlace({}, pmi), findHostPlace({}, SLURM), 'srun --mpi=pmi2 is srun')
  t.match(faults({}, { ...pmi, SLURM_STEP_NUM_NODES: '2' }), [/4 tasks on 2 nodes/])
  t.same(findHostPlace({}, { ...job, PMIX_RANK: '2' }), findHostPlace({}, SLURM), 'srun --mpi=pmix too')
  const pmix = { PMIX_RANK: '1', ...master }
  t.same(findHostPlace({ hosts: '3' }, pmix), { place, faults: [] })
  t.same(findHostPlace({}, { ...MPICH, PMI_SIZE: '1', PMI_RANK: '0' }), ALONE)
  t.end()
})

t.test('Kubernetes: a PyTorchJob, the Trainer, an Indexed Job', (t) => {
  const place = { hosts: 2, rank: 1, coordinator: { host: 'job-0.svc', port: 23_456 } }
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', HOSTNAME: 'job-pod' }
  const job = { WORLD_SIZE: '2', RANK: '1', MASTER_ADDR: 'job-0.svc', MASTER_PORT: '23456', ...pod }
  t.same(findHostPlace({}, job), { place, faults: [] })
  const first = findHostPlace({}, { ...job, RANK: '0', MASTER_ADDR: 'localhost' }).place
  t.equal(first?.coordinator.host, 'job-pod', 'Kubeflow tells rank 0 localhost; the others come to its pod')
  const trainer = { PET_NNODES: '2', PET_NODE_RANK: '1', PET_MASTER_ADDR: 'job-0.svc', PET_MASTER_PORT: '23456' }
  t.same(findHostPlace({}, { ...trainer, ...pod }), { place, faults: [] })
  const indexed = { JOB_COMPLETION_INDEX: '1', ...pod }
  t.same(findHostPlace({ hosts: '2', coordinator: 'job-0.svc:23456' }, indexed), { place, faults: [] })
  t.same(findHostPlace({ hosts: '1' }, indexed), ALONE)
  t.end()
})

t.test('IPv6 addresses of launchers, plain and in brackets', (t) => {
  for (const MASTER_ADDR of ['fd00::7', '[fd00::7]']) {
    const { place, faults } = findHostPlace({}, { ...TORCHRUN, MASTER_ADDR })
    t.same(faults, [])
    t.same(place?.coordinator, { host: 'fd00::7', port: 29_500 })
    t.equal(place && printAddress(place.coordinator), '[fd00::7]:29500')
  }
  t.end()
})

t.test('a process that a launcher of several started never trains alone by mistake', (t) => {
  const remedy = /--coordinator.*MASTER_ADDR and MASTER_PORT.*--hosts 1 lets each train alone/
  t.match(faults({}, OPEN_MPI), [/--coordinator for a process that Open MPI's mpiexec started.*/])
  for (const launcher of [OPEN_MPI, MPICH]) t.match(faults({}, launcher), [remedy])
  const together = { ...OPEN_MPI, OMPI_COMM_WORLD_LOCAL_SIZE: '3' }
  t.match(faults({}, together), [/one process a host for OMPI_COMM_WORLD_LOCAL_SIZE but received 3.*ppr:1:node/])
  t.match(faults({}, { ...MPICH, MPI_LOCALNRANKS: '3' }), [/one process a host.*-ppn 1.*--devices cpu:3/])
  const onOne = findHostPlace({ hosts: '3', coordinator: '127.0.0.1:7000' }, together)
  t.match(onOne, { place: { hosts: 3, rank: 1 }, faults: [] }, 'who says --hosts means it')
  t.match(faults({}, { PMIX_RANK: '0' }), [/--hosts and --coordinator for a process that PMIx/])
  t.match(faults({}, { JOB_COMPLETION_INDEX: '0' }), [/--hosts and --coordinator for a process that Kubernetes/])
  const allocation = { SLURM_JOB_ID: '1', SLURM_JOB_NUM_NODES: '4', SLURM_PROCID: '0' }
  t.match(faults({}, allocation), [/srun for a SLURM allocation of 4 nodes.*srun --ntasks-per-node=1; --hosts 1/])
  t.match(faults({}, { ...OPEN_MPI, WORLD_SIZE: '1' }).join(), /Expected 3, as Open MPI's mpiexec says/, 'a left-over')
  t.match(faults({ hosts: '2', coordinator: 'a:1' }, OPEN_MPI), [/Expected 3, as Open MPI's.*--hosts but received 2/])
  t.end()
})

t.test('half a set is refused', (t) => {
  t.match(faults({ hosts: '2' }), [/--host-rank beside --hosts/, /--coordinator beside --hosts/])
  t.match(faults({ hostRank: '1' }), [/--hosts beside --host-rank/, /--coordinator/])
  t.match(faults({ coordinator: 'a:1' }), [/--hosts/, /--host-rank/])
  t.match(faults({}, { RANK: '1', MASTER_ADDR: 'a', MASTER_PORT: '1' }), [/--hosts for .*WORLD_SIZE/])
  t.match(
    faults({}, { WORLD_SIZE: '2', RANK: '1' }).join(),
    /--coordinator for a process .*MASTER_ADDR and MASTER_PORT/,
  )
  t.end()
})

t.test('what cannot be is refused', (t) => {
  const place = (options: HostOptions) => faults({ hosts: '2', hostRank: '0', coordinator: 'a:1', ...options })
  for (const hosts of ['0', '-1', '1.5', 'two', '2000']) t.match(place({ hosts }).join(), /1 to 1024/, hosts)
  for (const hostRank of ['2', '-1', 'x'])
    t.match(place({ hostRank }), [/below 2, the hosts for --host-rank/], hostRank)
  for (const coordinator of ['a', 'a:', 'a:0', 'a:65536', ':80', 'a:b:c']) {
    t.match(place({ coordinator }), [/<host>:<port> for --coordinator/], coordinator)
  }
  t.match(faults({}, { ...SLURM, SLURM_STEP_NUM_NODES: '2' }), [/4 tasks on 2 nodes.*--ntasks-per-node=1/])
  t.match(faults({}, { ...TORCHRUN, LOCAL_WORLD_SIZE: '8' }), [/one process a host.*--nproc-per-node 1/])
  t.end()
})

t.test('the first node of a list', (t) => {
  const lists = {
    node1: 'node1',
    'node1,node2': 'node1',
    'node[03-05,9],gpu1': 'node03',
    'rack[1-2]n[4,7]x,z': 'rack1n4x',
    'a-[007]': 'a-007',
  }
  for (const [list, first] of Object.entries(lists)) t.equal(firstOfNodeList(list), first, list)
  for (const list of ['', 'a[', 'a[x]']) t.equal(firstOfNodeList(list), null, list)
  t.end()
})
