/** The operating system's reasons, made by it where that can be, and the words and remedies people get. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import t from 'tap'
import { reportFailure } from '../../src/cli/failure.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { explainSystemError, fileErrorCode, fileFault, fileProblem } from '../../src/vocabulary/file-fault.ts'

/** The fault of what a promise is refused with. */
async function faultOf(work: Promise<unknown>, action: string, path: string): Promise<UserFault> {
  try {
    await work
  } catch (error) {
    const fault = fileFault(error, action, path)
    if (fault instanceof UserFault) return fault
    throw fault
  }
  throw new Error(`Expected ${action} ${path} to fail`)
}

const systemError = (code: string, errno: number, syscall = 'read') =>
  Object.assign(new Error(code), { code, errno, syscall })

t.test('what does not exist: the file, a folder before it, what a link leads to', async (t) => {
  const folder = t.testdir({ file: 'text' })
  const path = (name: string) => join(folder, name)
  symlinkSync('nowhere', path('link'))
  symlinkSync('round', path('round'))
  const read = (name: string) => faultOf(readFile(path(name)), 'read', path(name))
  const write = (name: string) => faultOf(writeFile(path(name), ''), 'write', path(name))
  t.match(await read('none'), { message: `Cannot read ${path('none')}: it does not exist.`, remedy: 'Check the path.' })
  t.match(await read('link'), { message: /link: it is a link to nowhere, which does not exist\.$/, remedy: /the link/ })
  t.match(await read('link/below'), { message: /link is a link to nowhere, which does not exist/ })
  t.match(await write('no/folder/x'), {
    message: new RegExp(`x: the folder ${path('no')} does not exist`),
    remedy: /Make the folder/,
  })
  t.match(await read('round'), { message: /its links lead in a circle/, remedy: /link/ })
  t.match(await read('file/below'), { message: /a part of the path is a file/ })
  t.match(await read('x'.repeat(300)), { message: /the path is too long/, remedy: /255 bytes/ })
  t.match(await faultOf(readFile(folder), 'read', folder), { message: /it is a folder, not a file/ })
})

t.test('the file that failed is named beside what it was for', async (t) => {
  const folder = t.testdir()
  symlinkSync('nowhere', join(folder, 'broken.jpg'))
  const fault = await faultOf(readFile(join(folder, 'broken.jpg')), 'read', folder)
  t.equal(
    fault.message,
    `Cannot read ${folder} because of ${folder}/broken.jpg: it is a link to nowhere, which does not exist.`,
  )
  const aside = await faultOf(writeFile(join(folder, 'no', 'out.tmp-1'), ''), 'write', join(folder, 'no', 'out'))
  t.match(aside.message, /^Cannot write \S+out: the folder \S+no does not exist\.$/, 'not what is written aside')
})

t.test('names that are not UTF-8', async (t) => {
  const folder = t.testdir()
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]), 'x')
  const [name = ''] = await readdir(folder)
  const fault = await faultOf(readFile(join(folder, name)), 'read', folder)
  t.match(fault, { message: /its name is not UTF-8, so that it cannot be opened/, remedy: /Rename it \(ls -b/ })
})

t.test('limits and devices, as the system has them', async (t) => {
  t.match(await faultOf(writeFile('/dev/full', 'x'), 'write', '/dev/full'), {
    message: /the disk is full/,
    remedy: /Free some space/,
  })
  const folder = t.testdir()
  mkdirSync(join(folder, 'sub'))
  // Whoever runs the tests has limits of their own: a process with smaller ones.
  const limited = (limit: string, script: string) =>
    spawnSync('sh', ['-c', `trap "" XFSZ; ulimit ${limit}; exec "$0" "$@"`, process.execPath, '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    }).stdout
  const code = 'try { work() } catch (error) { console.log(error.code) }'
  const tooLarge = limited(
    '-f 1',
    `const work = () => require("fs").writeFileSync("large", Buffer.alloc(9999)); ${code}`,
  )
  t.equal(tooLarge.trim(), 'EFBIG')
  const tooMany = limited('-n 32', `const work = () => { for (;;) require("fs").openSync("/dev/null") }; ${code}`)
  t.equal(tooMany.trim(), 'EMFILE')
  t.match(fileFault(systemError('EFBIG', -27), 'write', 'x'), {
    message: /larger than the file system or a limit allows/,
    remedy: /ulimit -f/,
  })
  t.match(fileFault(systemError('EMFILE', -24), 'read', 'x'), { message: /too many files open/, remedy: /ulimit -n/ })
  t.match(fileFault(systemError('EIO', -5), 'read', 'x'), {
    message: /the disk reports an error/,
    remedy: /from a copy/,
  })
  t.match(fileFault(systemError('EIO', -5), 'write', 'x'), { remedy: /choose another/ })
  t.match(fileFault(systemError('ESTALE', -116), 'read', 'x'), { message: /stale handle/, remedy: /Mount/ })
  t.match(fileFault(systemError('Unknown system error -117', -117), 'read', 'x'), {
    message: /the file system is damaged/,
  })
})

t.test('every code that Node knows of is a sentence, and nothing else becomes one', async (t) => {
  // Of networks' names (EAI_...) no file has any.
  for (const [errno, [code]] of [...getSystemErrorMap()].filter(([, [code]]) => /^E[A-Z0-9]+$/.test(code))) {
    const fault = fileFault(systemError(code, errno), 'read', 'x')
    t.ok(fault instanceof UserFault && fault.remedy !== '', code)
    if (fault instanceof UserFault) t.match(fault.message, /^Cannot read x: \S.*\.$/)
  }
  t.match(fileFault(systemError('Unknown system error -999', -999), 'read', 'x'), {
    message: /its number \(Unknown system error -999\)/,
  })
  for (const other of [
    new TypeError('x'),
    Object.assign(new Error('z'), { code: 'Z_DATA_ERROR', errno: -3 }),
    'text',
    null,
  ]) {
    t.equal(fileFault(other, 'read', 'x'), other)
    t.equal(explainSystemError(other), other)
    t.equal(fileProblem(other, 'x'), null)
  }
  t.equal(fileErrorCode(systemError('EIO', -5)), 'EIO')
})

t.test('an error of the system that nobody has explained is no fault of ours', async (t) => {
  const folder = t.testdir()
  let text = ''
  const target = {
    write: (more: string) => {
      text += more
    },
  }
  const error = await open(join(folder, 'none'), 'r').catch((cause: unknown) => cause)
  t.equal(reportFailure(error, target), 2)
  t.match(text, new RegExp(`^error: Cannot open ${folder}/none: it does not exist\\.\\nCheck the path\\.\\n$`))
  t.throws(() => readFileSync(folder), { code: 'EISDIR' })
})
