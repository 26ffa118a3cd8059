/** A few of the sizes of `npm run test:crash`. */
import t from 'tap'
import { fillDisks } from './full-disk.ts'

t.setTimeout(580_000)

t.test('a disk that becomes full costs no checkpoint, and the run comes to the same numbers', async (t) => {
  const reports = await fillDisks([40, 1200], t.testdir(), (words) => t.comment(words))
  if (reports === null) {
    t.pass('full disks', { skip: 'nobody may mount a file system here' })
    return
  }
  t.same(
    reports.map(({ room, fault }) => ({ room, fault })),
    [
      { room: 40, fault: null },
      { room: 1200, fault: null },
    ],
  )
  t.ok((reports[1]?.newest ?? 0) > 0, 'what was written before the disk was full stays')
})
