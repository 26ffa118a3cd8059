/** Of several processes on one run one works, and the others say which. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { latestCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readRun } from './read-run.ts'
import { NEW_PID_NAMESPACE, runCli, startCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 24
const TRAIN = [...TRAIN_TINY, '--steps', `${STEPS}`]
const TRAIN_ON = [...TRAIN_TINY, '--steps', '100000']
t.setTimeout(200_000)

t.test('a second process is refused while the first works, whatever the first does', async (t) => {
  const cwd = t.testdir()
  const first = startCli([...TRAIN_ON, '--out', 'run'], { cwd })
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
  const checkpoints = join(cwd, 'run', 'checkpoints')
  t.ok((await readdir(join(cwd, 'run'))).includes('run.lock'))
  // As a kill leaves them: a checkpoint that was being removed, and files that were being written.
  for (const left of ['.tmp-old-step-00000001', '.tmp-step-00000012']) {
    await mkdir(join(checkpoints, left))
    await writeFile(join(checkpoints, left, 'model.safetensors'), 'half')
  }
  for (const left of ['metrics.jsonl.tmp', 'report.html.tmp-1']) await writeFile(join(cwd, 'run', left), 'half')

  const resumes = await Promise.all(Array.from({ length: 4 }, () => runCli(['resume', 'run'], { cwd })))
  const done = resumes.filter(({ code }) => code === 0)
  const refused = resumes.filter(({ code }) => code === 2)
  t.equal(done.length + refused.length, 4, resumes.map(({ stderr }) => stderr).join('\n'))
  t.ok(done.length >= 1)
  t.match(resumes.map(({ stderr }) => stderr).join(), `process ${killed.child.pid} left the run`)
  for (const { stderr } of refused) t.match(stderr, /a run that no other process works on/)
  t.same(await readRun(join(cwd, 'run'), STEPS), await readRun(join(cwd, 'whole'), STEPS))
  const left = [...(await readdir(join(cwd, 'run'))), ...(await readdir(checkpoints))]
  t.same(
    left.filter((name) => /run\.lock|tmp/.test(name)),
    [],
    'nothing is left over',
  )
})

t.test('a run in another PID namespace of the same host name', async (t) => {
  const cwd = t.testdir()
  // Started by hand as process 1 of a namespace, as in a container.
  const contained = startCli([...TRAIN_ON, '--out', 'run'], { cwd, under: NEW_PID_NAMESPACE })
  const begun = await contained.said('step 12/').then(
    () => true,
    () => false,
  )
  if (!begun) {
    const { stderr } = await contained.ended
    t.match(stderr, /unshare/)
    t.comment(`NOT TESTED: a new PID namespace is not permitted here: ${stderr}`)
    return
  }
  const lock: unknown = JSON.parse(await readFile(join(cwd, 'run', 'run.lock'), 'utf8'))
  t.match(lock, { host: hostname() })
  const outside = await runCli(['resume', 'run'], { cwd })
  t.equal(outside.code, 2, outside.stderr)
  t.match(outside.stderr, /the lock of process \d+ of another container or boot of host/)
  const beside = await startCli(['resume', 'run'], { cwd, under: NEW_PID_NAMESPACE }).ended
  t.equal(beside.code, 2, beside.stderr)
  contained.child.kill('SIGKILL')
  await contained.ended

  const takenOver = startCli(['resume', 'run'], { cwd })
  await takenOver.said('its lock is taken over')
  await takenOver.said('loss')
  takenOver.child.kill('SIGTERM')
  t.equal((await takenOver.ended).code, 143)
})

t.test('two that begin at once in the default folder get two', async (t) => {
  const cwd = t.testdir()
  const runs = await Promise.all([1, 2, 3].map(() => runCli([...TRAIN_TINY, '--steps', '3'], { cwd })))
  for (const { code, stderr } of runs) t.equal(code, 0, stderr)
  t.same(
    (await readdir(join(cwd, 'runs'))).sort(),
    [1, 2, 3].map((n) => `resnet-8-one-cifar10-${n}`),
  )
  const refused = await runCli([...TRAIN_TINY, '--steps', '3', '--batch', '1000'], { cwd })
  t.equal(refused.code, 2, refused.stderr)
  t.equal((await readdir(join(cwd, 'runs'))).length, 3, 'a run that did not begin leaves no folder')
})

t.test('a folder that is moved or deleted ends the run soon, and is not made again', async (t) => {
  const cwd = t.testdir()
  const moved = startCli([...TRAIN_ON, '--out', 'moved'], { cwd })
  const deleted = startCli([...TRAIN_ON, '--out', 'deleted'], { cwd })
  await Promise.all([moved.said('step 13/'), deleted.said('step 3/')])
  await rename(join(cwd, 'moved'), join(cwd, 'elsewhere'))
  await rm(join(cwd, 'deleted'), { recursive: true })

  const endOfMoved = await moved.ended
  t.equal(endOfMoved.code, 2, endOfMoved.stderr)
  t.match(endOfMoved.stderr, 'a folder that stays in its place for the run but received moved, moved to')
  t.match(endOfMoved.stderr, `native-ensemble resume ${join(cwd, 'elsewhere')}`)
  const endOfDeleted = await deleted.ended
  t.equal(endOfDeleted.code, 2, endOfDeleted.stderr)
  t.match(endOfDeleted.stderr, 'for the run but received deleted, deleted')
  t.same(await readdir(cwd), ['elsewhere'])
  t.ok(await latestCheckpoint(join(cwd, 'elsewhere')))
})
