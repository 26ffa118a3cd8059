/** Of several processes on one run one works, and the others say which. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { whileLocked } from '../../src/trainer/run-lock.ts'
import { readRun } from './read-run.ts'
import { runCli, startCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 24
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
t.setTimeout(120_000)
const ignore = () => undefined

t.test('a second process is refused while the first works, whatever the first does', async (t) => {
  const cwd = t.testdir()
  const first = startCli([...TRAIN_TINY, '--steps', '100000', '--out', 'run'], { cwd })
  await first.said('step 3/')
  const second = await runCli(['resume', 'run'], { cwd })
  t.equal(second.code, 2, second.stderr)
  t.match(second.stderr, `for run/run.lock but received the lock of process ${first.child.pid}`)
  t.match(second.stderr, `kill -INT ${first.child.pid}`)
  first.child.kill('SIGINT')
  t.equal((await first.ended).code, 130)
  t.notOk((await readdir(join(cwd, 'run'))).includes('run.lock'), 'the first gave it back')
})

t.test('of resumes at once one does the work; the lock of a killed process is taken over', async (t) => {
  const cwd = t.testdir()
  t.equal((await runCli([...TRAIN, '--out', 'whole'], { cwd })).code, 0)
  const killed = startCli([...TRAIN, '--out', 'run'], { cwd })
  await killed.said('step 12/')
  killed.child.kill('SIGKILL')
  await killed.ended
  t.ok((await readdir(join(cwd, 'run'))).includes('run.lock'))

  const resumes = await Promise.all(Array.from({ length: 4 }, () => runCli(['resume', 'run'], { cwd })))
  const done = resumes.filter(({ code }) => code === 0)
  const refused = resumes.filter(({ code }) => code === 2)
  t.equal(done.length + refused.length, 4, resumes.map(({ stderr }) => stderr).join('\n'))
  t.ok(done.length >= 1)
  t.match(resumes.map(({ stderr }) => stderr).join(), `process ${killed.child.pid} left the run`)
  for (const { stderr } of refused) t.match(stderr, /a run that no other process works on/)
  t.same(await readRun(join(cwd, 'run'), STEPS), await readRun(join(cwd, 'whole'), STEPS))
  t.notOk((await readdir(join(cwd, 'run'))).some((name) => name.startsWith('run.lock')))
})

t.test('who holds a lock', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'run.lock')
  const own = await whileLocked(folder, ignore, async () => JSON.parse(await readFile(path, 'utf8')))
  t.match(own, { pid: process.pid, host: hostname() })
  const lockWith = (changes: object) => writeFile(path, JSON.stringify({ ...own, ...changes }))
  const refused = (message: RegExp) => ({ name: 'UserFault', message })
  const never = () => Promise.reject(new Error('done without the lock'))

  await t.test('this process itself, when it comes a second time', async (t) => {
    const held = whileLocked(folder, ignore, async () => {
      await t.rejects(whileLocked(folder, ignore, never), refused(/lock of process/))
      return 'done'
    })
    t.equal(await held, 'done')
  })
  await t.test('a process of another host is left alone', async (t) => {
    await lockWith({ host: 'elsewhere', pid: 1 })
    await t.rejects(whileLocked(folder, ignore, never), refused(/process 1 of host elsewhere/))
    t.match(JSON.parse(await readFile(path, 'utf8')), { host: 'elsewhere' })
  })
  await t.test(
    'a number that was given to another process, or comes from before a reboot, holds nothing',
    async (t) => {
      for (const changes of [{ started: '1' }, { boot: 'another' }]) {
        await lockWith(changes)
        const notes: string[] = []
        t.equal(
          await whileLocked(
            folder,
            (words) => notes.push(words),
            () => Promise.resolve('done'),
          ),
          'done',
        )
        t.match(notes, [/left the run without ending it/])
        t.same(await readdir(folder), [])
      }
    },
  )
  await t.test('a file that is no lock is not guessed at', async (t) => {
    await writeFile(path, 'half')
    await t.rejects(whileLocked(folder, ignore, never), refused(/lock of an unknown process/))
    t.equal(await readFile(path, 'utf8'), 'half')
  })
  await t.test('of many that take a lock over, one has it at a time', async (t) => {
    await lockWith({ started: '1' })
    let working = 0
    const work = async () => {
      t.equal(++working, 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
      working--
    }
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => whileLocked(folder, ignore, work)))
    t.ok(all.some(({ status }) => status === 'fulfilled'))
    t.same(await readdir(folder), [])
  })
  await t.test('work that fails gives the lock back', async (t) => {
    await t.rejects(whileLocked(folder, ignore, never), /done without the lock/)
    t.same(await readdir(folder), [])
  })
})
