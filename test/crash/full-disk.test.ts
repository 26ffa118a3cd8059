/** A few of the sizes of `npm run test:crash`. */
import t from 'tap'
import { fillDisks } from './full-disk.ts'

t.setTimeout(580_000)

t.test('a disk that becomes full costs no checkpoint, and the run comes to the same numbers', async (t) => {
  const reports = await fillDisks({ rooms: [1200], freed: [40] }, t.testdir(), (words) => t.comment(words))
  if (reports === null) {
    t.pass('full disks', { skip: 'nobody may mount a file system here' })
    return
  }
  t.match(reports, [
    { room: 1200, fault: null, ended: 'with an error', resumed: 'resumed' },
    { room: 40, fault: null, ended: 'finished', newest: 34 },
  ])
})
