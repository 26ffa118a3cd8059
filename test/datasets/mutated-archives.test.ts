import { readFileSync } from 'node:fs'
import t from 'tap'
import { readMat } from '../../src/data/datasets/mat-file.ts'
import { type TarEntry, walkTar } from '../../src/data/datasets/tar-walk.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { tarOf } from './write-archives.ts'

t.setTimeout(580_000)

const MUTATIONS = 5000

/** Some bytes changed, most of them to values that numbers of a header turn on; or a piece doubled or cut out. */
function mutate(bytes: Buffer, number: number): Buffer {
  const stream = randomStream(11, 'order', 0, number)
  const below = (limit: number) => stream.uint32() % Math.max(1, limit)
  const copy = Buffer.from(bytes)
  for (let change = 0; change < 1 + below(4); change++) {
    copy[below(copy.length)] = [0, 1, 0x20, 0x30, 0x37, 0x7f, 0x80, 0xff, below(256)][below(9)] ?? 0
  }
  const at = below(copy.length)
  const piece = 8 * (1 + below(64))
  if (number % 4 === 1) return Buffer.concat([copy.subarray(0, at), copy.subarray(at + piece)])
  if (number % 4 === 2) return Buffer.concat([copy.subarray(0, at + piece), copy.subarray(at)])
  return copy
}

t.test(`${MUTATIONS} mutated tars: entries within the archive, or one fault in words`, (t) => {
  const good = tarOf([
    ['n00000001/a.JPEG', Buffer.alloc(700, 'a')],
    ['n00000001/b.JPEG', Buffer.alloc(0)],
    [`${'long/'.repeat(18)}c.JPEG`, Buffer.alloc(512, 'c')],
  ])
  const wrong: string[] = []
  let refused = 0
  for (let number = 0; number < MUTATIONS; number++) {
    const archive = mutate(good, number)
    // Past the sum of a header, which finds most changes: they have to be borne when it is right, too.
    if (number % 2 === 0) mendChecksums(archive)
    const source = { size: archive.length, read: (at: number, bytes: number) => archive.subarray(at, at + bytes) }
    const entries: TarEntry[] = []
    try {
      for (const entry of walkTar(source, { path: 'mutated.tar', remedy: 'None.' })) entries.push(entry)
    } catch (error) {
      if (error instanceof UserFault) refused++
      else wrong.push(`${number}: ${error}`)
    }
    for (const { name, offset, size } of entries) {
      if (!(offset >= 512 && size >= 0 && offset + size <= archive.length))
        wrong.push(`${number}: ${name} ${offset} ${size}`)
    }
  }
  t.same(wrong, [])
  t.ok(refused > 0 && refused < MUTATIONS, `${refused} refused`)
  t.end()
})

function mendChecksums(archive: Buffer): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    const header = archive.subarray(at, at + 512)
    if (header.toString('latin1', 257, 262) !== 'ustar') continue
    header.fill(0x20, 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  }
}

for (const name of ['meta.mat', 'test_32x32.mat', 'train_32x32.mat']) {
  t.test(`mutated ${name}: values, or one fault in words`, async (t) => {
    const good = readFileSync(fixturePath(`mat/${name}`))
    const wrong: string[] = []
    let refused = 0
    for (let number = 0; number < MUTATIONS / 5; number++) {
      const bytes = mutate(good, number)
      async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
        for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
      }
      try {
        await readMat(chunks(), name)
      } catch (error) {
        if (error instanceof UserFault) refused++
        else wrong.push(`${number}: ${error}`)
      }
    }
    t.same(wrong, [])
    t.ok(refused > 0, `${refused} refused`)
  })
}
