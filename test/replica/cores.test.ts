import { availableParallelism } from 'node:os'
import t from 'tap'
import { allowedCores, parseCoreList, shareCores } from '../../src/replica/cores.ts'

t.test('a list of cores as Linux prints it', async (t) => {
  t.same(parseCoreList('0'), [0])
  t.same(parseCoreList('0-3,8'), [0, 1, 2, 3, 8])
  t.same(parseCoreList('2,4-5,10-11'), [2, 4, 5, 10, 11])
})

t.test('the cores of this process', async (t) => {
  const cores = allowedCores()
  t.ok(cores.length >= availableParallelism(), 'a quota of time may leave fewer to use than there are')
  t.same(
    cores,
    [...new Set(cores)].sort((left, right) => left - right),
    'ascending, each once',
  )
  t.ok(cores.every((core) => Number.isInteger(core) && core >= 0))
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
