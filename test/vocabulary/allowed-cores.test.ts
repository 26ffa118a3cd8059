import { availableParallelism } from 'node:os'
import t from 'tap'
import { allowedCores, leastQuota, parseCoreList, quotaCores } from '../../src/vocabulary/allowed-cores.ts'

t.test('a list of cores as Linux prints it', async (t) => {
  t.same(parseCoreList('0'), [0])
  t.same(parseCoreList('0-3,8'), [0, 1, 2, 3, 8])
  t.same(parseCoreList('2,4-5,10-11'), [2, 4, 5, 10, 11])
})

t.test('the cores of this process', async (t) => {
  const cores = allowedCores()
  t.ok(cores.length >= 1 && cores.length <= availableParallelism())
  t.same(
    cores,
    [...new Set(cores)].sort((left, right) => left - right),
    'ascending, each once',
  )
  t.ok(cores.every((core) => Number.isInteger(core) && core >= 0))
})

t.test("a container's quota of time", async (t) => {
  t.equal(quotaCores('200000 100000\n'), 2)
  t.equal(quotaCores('150000 100000'), 2)
  t.equal(quotaCores('50000 100000'), 1)
  t.equal(quotaCores('max 100000\n'), Number.POSITIVE_INFINITY)
  t.equal(quotaCores('-1 100000'), Number.POSITIVE_INFINITY, 'cgroups of the first kind')
  t.equal(quotaCores(null), Number.POSITIVE_INFINITY)
})

t.test('the smallest quota from the group of this process to the root', async (t) => {
  const cores = (files: Readonly<Record<string, string>>) => leastQuota((path) => files[path] ?? null)
  const unlimited = Number.POSITIVE_INFINITY
  t.equal(cores({}), unlimited)
  t.equal(cores({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '100000 100000\n' }), 1, 'a container')
  const service = '0::/system.slice/train.service\n'
  const ofService = '/sys/fs/cgroup/system.slice/train.service/cpu.max'
  t.equal(cores({ '/proc/self/cgroup': service, [ofService]: '300000 100000' }), 3, 'a service')
  const slice = { '/sys/fs/cgroup/system.slice/cpu.max': '200000 100000' }
  t.equal(cores({ '/proc/self/cgroup': service, [ofService]: '300000 100000', ...slice }), 2, 'its slice has less')
  t.equal(cores({ '/proc/self/cgroup': service, [ofService]: 'max 100000' }), unlimited)
  const first = '4:cpuacct,cpu:/docker/abc\n3:cpuset:/\n0::/\n'
  const quota = (folder: string, value: string) => ({
    [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`]: `${value}\n`,
    [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`]: '100000\n',
  })
  t.equal(cores({ '/proc/self/cgroup': first, ...quota('', '100000') }), 1, 'the first kind, seen from within')
  t.equal(cores({ '/proc/self/cgroup': first, ...quota('/docker/abc', '250000'), ...quota('', '-1') }), 3)
})
