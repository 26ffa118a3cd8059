import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { CATALOGUE, type DatasetEntry } from '../../src/data/datasets/catalogue.ts'
import { fetchFiles } from '../../src/data/datasets/fetch-dataset.ts'

const CONTENTS = Buffer.from('pixels '.repeat(10_000))
const SHA256 = createHash('sha256').update(CONTENTS).digest('hex')

/** An entry of one file that this server publishes at /file.gz, compressed anew like the Debian package. */
async function publish(test: Test, answer: RequestListener, sha256 = SHA256): Promise<DatasetEntry> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const file = { name: 'file.gz', bytes: CONTENTS.length, sha256, sha256Of: 'contents' } as const
  const files = [{ ...file, addresses: [`http://127.0.0.1:${port}/gone.gz`, `http://127.0.0.1:${port}/file.gz`] }]
  return { ...CATALOGUE.cifar10, files }
}

function serve(bytes: Buffer): { answer: RequestListener; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    answer: ({ url = '' }, response) => {
      asked.push(url)
      if (url !== '/file.gz') response.writeHead(404)
      response.end(url === '/file.gz' ? bytes : '')
    },
  }
}

const ignore = () => undefined

t.test('takes the first address that works, once', async (t) => {
  const { answer, asked } = serve(gzipSync(CONTENTS))
  const entry = await publish(t, answer)
  const folder = join(t.testdir({}), 'new', 'folder')
  const reports: number[] = []
  await fetchFiles('x', entry, folder, ({ bytes, total }) => reports.push(bytes / (total ?? 1)))
  t.same(asked, ['/gone.gz', '/file.gz'])
  t.same(readdirSync(folder), ['file.gz'], 'nothing else is left')
  t.same(readFileSync(join(folder, 'file.gz')), gzipSync(CONTENTS))
  t.equal(reports.at(-1), 1)
  await fetchFiles('x', entry, folder, ignore)
  t.equal(asked.length, 2, 'nothing is asked for again')
})

t.test('a machine without apt-get goes on to the addresses', async (t) => {
  const path = process.env['PATH']
  t.teardown(() => {
    process.env['PATH'] = path
  })
  process.env['PATH'] = t.testdir({})
  const entry = await publish(t, serve(gzipSync(CONTENTS)).answer)
  const folder = join(t.testdirName, 'data')
  await fetchFiles('x', { ...entry, debianPackage: 'dataset-x' }, folder, ignore)
  t.same(readdirSync(folder), ['file.gz'])
})

t.test('a wrong file is not kept', async (t) => {
  const entry = await publish(t, serve(gzipSync(CONTENTS)).answer, SHA256.replace(/^./, 'x'))
  const folder = t.testdir({})
  await t.rejects(fetchFiles('x', entry, folder, ignore), {
    name: 'UserFault',
    message: new RegExp(`404.*SHA-256 ${SHA256} instead of x`),
    remedy: /cifar\.html/,
  })
  t.same(readdirSync(folder), [])
})

const packed = gzipSync(CONTENTS)
const BROKEN: [name: string, answer: RequestListener, message: RegExp][] = [
  [
    'a connection that breaks',
    (_, response) => {
      response.writeHead(200, { 'content-length': packed.length })
      response.write(packed.subarray(0, 50), () => response.destroy())
    },
    /every source failed/,
  ],
  ['half a gzip file', (_, response) => void response.end(packed.subarray(0, 80)), /cut off/],
  [
    'a file without end',
    (_, response) => void response.end(Buffer.alloc(5 * CONTENTS.length)),
    /more than 280000 bytes/,
  ],
]

for (const [name, answer, message] of BROKEN) {
  t.test(`${name}: the user is told, nothing is left`, async (t) => {
    const entry = await publish(t, answer)
    const folder = t.testdir({})
    await t.rejects(fetchFiles('x', entry, folder, ignore), { name: 'UserFault', message })
    t.same(readdirSync(folder), [])
  })
}

t.test('a file of that name with other contents stays as it is', async (t) => {
  const { answer, asked } = serve(packed)
  const entry = await publish(t, answer)
  const folder = t.testdir({ 'file.gz': 'my own' })
  await t.rejects(fetchFiles('x', entry, folder, ignore), { name: 'UserFault', message: /^Expected SHA-256/ })
  t.equal(readFileSync(join(folder, 'file.gz'), 'utf8'), 'my own')
  t.same(asked, [])
})

t.test('a place that cannot be written to', async (t) => {
  const entry = await publish(t, serve(packed).answer)
  const folder = t.testdir({ file: 'not a folder', locked: {} })
  await t.rejects(fetchFiles('x', entry, join(folder, 'file'), ignore), { name: 'UserFault' })
  // Root may write everywhere.
  if (process.getuid?.() === 0) return
  chmodSync(join(folder, 'locked'), 0o500)
  await t.rejects(fetchFiles('x', entry, join(folder, 'locked'), ignore), { name: 'UserFault' })
})

t.test('a damaged file that is there already is named', async (t) => {
  const entry = await publish(t, serve(packed).answer)
  const folder = t.testdir({})
  writeFileSync(join(folder, 'file.gz'), packed.subarray(0, 60))
  await t.rejects(fetchFiles('x', entry, folder, ignore), { name: 'UserFault', message: /cut off/ })
})
