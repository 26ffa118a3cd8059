import { availableParallelism } from 'node:os'
import t from 'tap'
import { allowedCores, parseCoreList, quotaCores, shareCores } from '../../src/replica/cores.ts'

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

t.test('replicas share the cores', async (t) => {
  t.same(shareCores([0, 1], 1), [[0, 1]])
  t.same(shareCores([0, 1], 2), [[0], [1]])
  t.same(shareCores([4, 5, 6, 7], 2), [
    [4, 5],
    [6, 7],
  ])
  t.same(
    shareCores([0, 1, 2, 5, 6], 2),
    [
      [0, 1],
      [2, 5],
    ],
    'a core that is left over stays unused',
  )
  t.same(shareCores([3, 9], 5), [[3], [9], [3], [9], [3]], 'more replicas than cores take turns on them')
})
