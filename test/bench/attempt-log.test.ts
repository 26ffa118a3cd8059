import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AttemptLog, killers, readLog } from '../../bench/attempt-log.ts'

t.test('what was begun is not begun again, by whoever goes on', (t) => {
  const path = join(t.testdir(), 'log.jsonl')
  const first = new AttemptLog(path, 60)
  t.equal(
    first.attempt('a', () => ({ faults: [] })),
    null,
  )
  t.match(
    first.attempt('b', () => {
      throw new Error('refused')
    }),
    /refused/,
  )
  // A process that died in c, and in the middle of its line.
  appendFileSync(path, '{"begin":"c"}\n{"name":"c","fa')
  t.same(killers(readLog(path)), ['c'])
  const names: string[] = []
  const second = new AttemptLog(path, 60)
  for (const name of ['a', 'b', 'c', 'd']) {
    second.attempt(name, () => {
      names.push(name)
      return { faults: [] }
    })
  }
  t.same(names, ['d'])
  t.end()
})

t.test('nothing is begun when the time is over', (t) => {
  const path = join(t.testdir(), 'log.jsonl')
  new AttemptLog(path, -1).attempt('late', () => ({ begun: t.fail('it was begun') }))
  t.same(readLog(path), [{ left: 'late' }])
  t.end()
})
