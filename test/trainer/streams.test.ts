/** What becomes of the terminal, or of what stands in its place, is nothing to the training. */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { CLI_MAIN, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir()

/** A shell's command line in a group of its own, as a terminal starts it; $NE is our command line. */
function shell(script: string): { readonly group: number; readonly ended: Promise<string> } {
  const env = { ...process.env, NE: `${process.execPath} ${CLI_MAIN}`, T: TRAIN_TINY.join(' ') }
  const child = spawn('bash', ['-c', script], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  }
  const ended = new Promise<string>((resolve) => child.on('close', () => resolve(text)))
  return { group: child.pid ?? 0, ended }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}

const says = (file: string, text: string) => async () =>
  (await readFile(join(cwd, file), 'utf8').catch(() => '')).includes(text)

const notesOf = async (out: string) => (await readFile(join(cwd, out, 'notes.log'), 'utf8')).split('\n').slice(0, -1)

t.test('2>&1 | tee log, and Ctrl-C to the group', async (t) => {
  for (const attempt of [1, 2]) {
    const [out, log] = [`tee-${attempt}`, `log-${attempt}`]
    // The shell ends by the signal as well, but for the part that writes the exit code.
    const train = `$NE $T --steps 100000 --out ${out} 2>&1`
    const { group, ended } = shell(`(trap '' INT; ${train}; echo $? > ${out}.code) | tee ${log}`)
    await until(says(log, 'step 3/'))
    process.kill(-group, 'SIGINT')
    await ended
    await until(async () => (await readdir(cwd)).includes(`${out}.code`))
    t.equal(await readFile(join(cwd, `${out}.code`), 'utf8'), '130\n')
    const { progress } = await loadCheckpoint((await latestCheckpoint(join(cwd, out))) ?? '')
    t.ok(progress.step >= 3)
    t.notOk((await readdir(join(cwd, out))).includes('run.lock'))
    t.match(await notesOf(out), [/stderr cannot be written \(EPIPE: its reader has ended\)/])
  }
})

t.test('a reader that ends first, and a full disk, do not end the training', async (t) => {
  const train = '$NE $T --steps 12 --out'
  for (const [out, line, noted] of [
    ['head', `${train} head 2>&1 | head -2`, [/stderr .*EPIPE/, /stdout .*EPIPE/]],
    ['full-stderr', `${train} full-stderr 2> /dev/full`, [/stderr .*ENOSPC/]],
    ['full-both', `${train} full-both > /dev/full 2>&1`, [/stderr .*ENOSPC/, /stdout .*ENOSPC/]],
  ] as const) {
    const text = await shell(`${line}; echo code \${PIPESTATUS[0]}`).ended
    t.match(text, /code 0\n$/, out)
    const { progress } = await loadCheckpoint((await latestCheckpoint(join(cwd, out))) ?? '')
    t.equal(progress.step, 12)
    t.match(await notesOf(out), noted)
  }
})

t.test('stopped with no terminal left to tell it', async (t) => {
  const { group, ended } = shell(`$NE $T --steps 100000 --out gone > /dev/full 2>&1; echo code $?`)
  await until(says('gone/metrics.jsonl', '"step":3'))
  // Of the group only Node listens to it.
  process.kill(-group, 'SIGUSR1')
  await ended
  await until(async () => !(await readdir(join(cwd, 'gone'))).includes('run.lock'))
  t.ok(await latestCheckpoint(join(cwd, 'gone')))
})

t.test('commands whose result is what they print', async (t) => {
  for (const [line, code] of [
    ['$NE recipes | head -1', 0],
    ['$NE recipes > /dev/full', 2],
    ['$NE summary resnet-8 > /dev/full', 2],
    ['$NE evaluate head > /dev/full', 2],
    ['$NE evaluate head 2> /dev/full', 0],
    ['$NE train --batch none 2> /dev/full', 2],
    ['$NE --help | head -1', 0],
    ['$NE export head > /dev/full', 0],
  ] as const) {
    t.match(await shell(`${line}; echo code \${PIPESTATUS[0]}`).ended, `code ${code}\n`, line)
  }
  t.match(
    await shell('$NE recipes > /dev/full').ended,
    /^error: Cannot write the result to standard output \(ENOSPC\)\./,
  )
})

t.test('a reader that does not read is not waited for, and little is kept for it', async (t) => {
  const script = fileURLToPath(new URL('../cli/write-much.js', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let waiting = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    waiting += text
  })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  t.equal(code, 0)
  t.ok(Number(waiting) > 1e5 && Number(waiting) < 1.1 * 2 ** 20, `${waiting} bytes`)
})
