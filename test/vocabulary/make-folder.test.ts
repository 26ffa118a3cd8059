import { readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { makeFolder } from '../../src/vocabulary/make-folder.ts'

t.test('folders that are missing are made, what is there stays', async (t) => {
  const folder = t.testdir({ there: {}, file: 'text' })
  await makeFolder(join(folder, 'there', 'a', 'b'))
  await makeFolder(join(folder, 'there'))
  t.same(await readdir(join(folder, 'there', 'a')), ['b'])
  await symlink(join(folder, 'there'), join(folder, 'link'))
  await makeFolder(join(folder, 'link'))
  await t.rejects(makeFolder(join(folder, 'file')), { code: 'EEXIST' })
  await t.rejects(makeFolder(join(folder, 'file', 'below')), { code: 'ENOTDIR' })
  await writeFile(join(folder, 'link', 'file'), '')
  await t.rejects(makeFolder(join(folder, 'link', 'file', 'below', 'further')), { code: 'ENOTDIR' })
})

t.test('a file system without folders of its own', { skip: process.platform !== 'linux' }, async (t) => {
  for (const path of ['/proc/x', '/proc/x/y/z', '/proc/self/task/x']) {
    await t.rejects(makeFolder(path), { name: 'UserFault', message: /takes no new folders/ })
  }
})
