/** Which host a process is: options, srun's and torchrun's variables, and sets that are only half given. */
import t from 'tap'
import { findHostPlace, type HostOptions } from '../../src/config/host-place.ts'
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
  const given = findHostPlace({ hosts: '2', coordinator: 'other:1' }, { ...TORCHRUN, WORLD_SIZE: '8' }).place
  t.same(given, { ...place, coordinator: { host: 'other', port: 1 } }, 'options win, each by itself')
  t.end()
})

t.test('half a set is refused', (t) => {
  t.match(faults({ hosts: '2' }), [/--host-rank beside --hosts/, /--coordinator beside --hosts/])
  t.match(faults({ hostRank: '1' }), [/--hosts beside --host-rank/, /--coordinator/])
  t.match(faults({ coordinator: 'a:1' }), [/--hosts/, /--host-rank/])
  t.match(faults({}, { RANK: '1', MASTER_ADDR: 'a', MASTER_PORT: '1' }), [/--hosts beside .*WORLD_SIZE/])
  t.match(faults({}, { WORLD_SIZE: '2', RANK: '1' }).join(), /MASTER_ADDR and MASTER_PORT for WORLD_SIZE and RANK/)
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
