/** Who holds a lock, and when it is free again. */
import { fork, spawnSync } from 'node:child_process'
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  type FolderLock,
  type LockedFolder,
  type LockHooks,
  takeLock,
  whileLocked,
} from '../../src/vocabulary/locks/folder-lock.ts'
import { takeKernelLock } from '../../src/vocabulary/locks/kernel-lock.ts'

t.setTimeout(120_000)

const quick = { beatMs: 30, watchMs: 500, settleMs: 100, kernelLock: takeKernelLock }
/** As on a file system without flock, or without the program. */
const withoutKernel = { ...quick, kernelLock: () => Promise.resolve('unsupported' as const) }
const never = () => Promise.reject(new Error('done without the lock'))
const refused = (message: RegExp) => ({ name: 'UserFault', message })

const targetOf = (folder: string): LockedFolder => {
  return { folder, path: join(folder, 'run.lock'), kind: 'run', goOn: (now) => `resume ${now}` }
}

function hooks(): LockHooks & { readonly notes: string[] } {
  const notes: string[] = []
  return { notes, note: (words) => notes.push(words), stop: new AbortController().signal }
}

for (const [name, settings] of [
  ["with the kernel's lock", quick],
  ['without', withoutKernel],
] as const) {
  t.test(name, async (t) => {
    const target = targetOf(t.testdir())
    const { folder, path } = target
    const own = await whileLocked(target, hooks(), async () => JSON.parse(await readFile(path, 'utf8')), settings)
    t.match(own, { pid: process.pid, host: hostname() })
    t.same(await readdir(folder), [], 'given back')
    const lockWith = (changes: object) => writeFile(path, `${JSON.stringify({ ...own, ...changes })}\n`)
    const done = () => Promise.resolve('done')

    await t.test('this process itself, when it comes a second time', async (t) => {
      const held = whileLocked(
        target,
        hooks(),
        async () => {
          await t.rejects(whileLocked(target, hooks(), never, settings), refused(/lock of process/))
          return 'done'
        },
        settings,
      )
      t.equal(await held, 'done')
    })

    await t.test('a number that was given to another process holds nothing', async (t) => {
      const told = hooks()
      await lockWith({ started: '1' })
      t.equal(await whileLocked(target, told, done, settings), 'done')
      t.match(told.notes, [/left the run without ending it/])
      t.same(await readdir(folder), [])
    })

    await t.test('one of another host, or from before a reboot, that is touched is left alone', async (t) => {
      for (const changes of [
        { host: 'elsewhere', boot: 'another' },
        { namespace: 'pid:[1]', device: 'another' },
      ]) {
        await lockWith(changes)
        // Its clock is hours behind ours.
        let seconds = 1_000_000
        const beats = setInterval(() => void utimes(path, ++seconds, seconds), 100)
        const told = hooks()
        const message = changes.host === undefined ? /of another container or boot/ : /of host elsewhere/
        await t.rejects(whileLocked(target, told, never, settings), refused(message))
        clearInterval(beats)
        t.match(told.notes, [/watching for \d s/])
        t.match(JSON.parse(await readFile(path, 'utf8')), changes)
      }
    })

    await t.test('one that is not touched any more, or was half written, is taken over', async (t) => {
      const texts = [{ host: 'elsewhere', boot: 'another' }, { boot: 'another' }, { namespace: 'pid:[1]', device: 'x' }]
      for (const text of [...texts.map((changes) => JSON.stringify({ ...own, ...changes })), '{"pid": 1']) {
        await writeFile(path, text)
        const told = hooks()
        t.equal(await whileLocked(target, told, done, settings), 'done')
        t.match(told.notes, [/watching for \d s/, /left the run without ending it/])
        t.same(await readdir(folder), [])
      }
    })

    await t.test('an empty one, of a process that was killed or had no disk left while it locked', async (t) => {
      await writeFile(path, '')
      const told = hooks()
      t.equal(await whileLocked(target, told, done, settings), 'done')
      t.same(told.notes, [])
    })

    await t.test('the watching can be stopped', async (t) => {
      await lockWith({ host: 'elsewhere', boot: 'another' })
      const stop = AbortSignal.timeout(200)
      await t.rejects(whileLocked(target, { ...hooks(), stop }, never, settings), { name: 'LockWaitStopped' })
      await t.rejects(whileLocked(target, { ...hooks(), stop }, never, settings), { name: 'LockWaitStopped' })
      t.equal(await whileLocked(target, hooks(), done, settings), 'done', 'and leaves it as it was')
    })

    await t.test('of many that take a lock over, one has it at a time', async (t) => {
      await lockWith({ started: '1' })
      let working = 0
      const work = async () => {
        t.equal(++working, 1)
        await new Promise((resolve) => setTimeout(resolve, 20))
        working--
      }
      const all = await Promise.allSettled(
        Array.from({ length: 20 }, () => whileLocked(target, hooks(), work, settings)),
      )
      t.ok(all.some(({ status }) => status === 'fulfilled'))
      t.same(await readdir(folder), [])
    })

    await t.test('work that fails gives the lock back', async (t) => {
      await t.rejects(whileLocked(target, hooks(), never, settings), /done without the lock/)
      t.same(await readdir(folder), [])
    })

    await t.test('a holder that another one took the lock from notices, and leaves it the file', async (t) => {
      const lock = await takeLock(target, hooks(), settings)
      await lockWith({ host: 'elsewhere', boot: 'another' })
      await aborted(lock)
      await t.rejects(lock.check(), refused(/lock of process \d+ of host elsewhere/))
      await lock.release()
      t.match(JSON.parse(await readFile(path, 'utf8')), { host: 'elsewhere' })
    })
  })
}

/** The beats do not keep a process alive, this does. */
async function aborted({ lost }: FolderLock): Promise<void> {
  while (!lost.aborted) await new Promise((resolve) => setTimeout(resolve, 20))
}

t.test('killed at any moment of locking, the next one has the lock at once', async (t) => {
  const holder = fileURLToPath(new URL('lock-forever.js', import.meta.url))
  for (const delay of [0, 1, 3, 9, 27]) {
    const target = targetOf(t.testdir())
    const told = hooks()
    // What it takes over was left by a process before it.
    const gone = fork(holder, [target.folder], { execArgv: [] })
    await new Promise((resolve) => gone.once('message', resolve))
    gone.kill('SIGKILL')
    await new Promise((resolve) => gone.once('exit', resolve))
    const taker = fork(holder, [target.folder, 'wait'], { execArgv: [] })
    await new Promise((resolve) => taker.once('message', resolve))
    taker.send('now')
    await new Promise((resolve) => setTimeout(resolve, delay))
    taker.kill('SIGKILL')
    await new Promise((resolve) => taker.once('exit', resolve))
    t.equal(await whileLocked(target, told, () => Promise.resolve(delay)), delay)
    t.notMatch(told.notes.join(), /watching/)
    t.same(await readdir(target.folder), [])
  }
})

t.test('a full disk while locking', async (t) => {
  const script = fileURLToPath(new URL('lock-on-full-disk.js', import.meta.url))
  const mounted = ['mount -t tmpfs -o size=16k tmpfs "$1"', 'exec "$2" "$3" "$1"'].join(' && ')
  const arguments_ = ['--mount', 'sh', '-c', mounted, 'sh', t.testdir(), process.execPath, script]
  const { status, stdout, stderr } = spawnSync('unshare', arguments_, { encoding: 'utf8' })
  if (/unshare|permitted|permission|must be superuser/i.test(stderr)) {
    t.comment(`NOT TESTED: a small disk cannot be mounted here: ${stderr}`)
    return
  }
  t.equal(status, 0, stderr)
  t.match(stdout, /^Cannot write the lock .*run\.lock: the disk is full\.\nleft: \["filling"\]\nlocked\n$/)
})
