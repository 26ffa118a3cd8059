import t from 'tap'
import { shareCores } from '../../src/train/replicas/share-cores.ts'

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
