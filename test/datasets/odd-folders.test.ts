/** Folders as people have them: links, hidden entries, FIFOs, names of any kind. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { byCodePoints } from '../../src/vocabulary/code-point-order.ts'
import { jpegOf } from './made-images.ts'
import { imagesOf, prepareCall } from './prepare-call.ts'

t.setTimeout(300_000)

const images = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((seed) => jpegOf(seed)))

/** Files below `in/`: path -> number of the image. */
function tree(
  test: Test,
  files: Readonly<Record<string, number>>,
): { readonly folder: string; readonly source: string } {
  const folder = test.testdir({ in: {} })
  const source = join(folder, 'in')
  for (const [path, number] of Object.entries(files)) {
    mkdirSync(join(source, path, '..'), { recursive: true })
    writeFileSync(join(source, path), images[number] ?? '')
  }
  return { folder, source }
}

const TWO_CLASSES = { 'a/0.jpg': 0, 'a/1.jpg': 1, 'b/2.jpg': 2, 'b/3.jpg': 3 }
const NONE = { validation: 0 } as const

t.test('what is left out is named', async (t) => {
  const { folder, source } = tree(t, {
    ...TWO_CLASSES,
    'a/.ipynb_checkpoints/0-checkpoint.jpg': 0,
    'a/deep/.hidden/x.jpg': 4,
    'b/._2.jpg': 4,
    '.git/x.jpg': 4,
    'a/notes.txt': 4,
    'a/one.avif': 4,
    'a/two.HEIC': 4,
    'a/three.heic': 4,
    'README.md': 4,
  })
  const { notices, images } = await prepareCall(source, join(folder, 'out'), NONE)
  t.same(images, { train: 4, test: 0 })
  t.same(
    new Set(notices),
    new Set([
      'Left out, hidden by a dot: 4 (.git, a/.ipynb_checkpoints, a/deep/.hidden, ...)',
      'Left out, no images by their names: 1 (a/notes.txt)',
      'Left out, AVIF pictures, which are not read (convert them to PNG or JPEG): 1 (a/one.avif)',
      'Left out, HEIC pictures, which are not read (convert them to PNG or JPEG): 2 (a/three.heic, a/two.HEIC)',
      'Left out, files beside the class folders: 1 (README.md)',
    ]),
  )
})

t.test('a class of which nothing is read says what was in it', async (t) => {
  const { folder, source } = tree(t, { ...TWO_CLASSES, 'c/x.avif': 4, 'c/.y.jpg': 4 })
  await t.rejects(prepareCall(source, join(folder, 'out'), NONE), {
    name: 'UserFault',
    message: /^Expected images for .*\/c but received none; .*hidden by a dot: 1 .*AVIF pictures, which are not read/,
  })
})

t.test('links are followed, to files and to folders', async (t) => {
  const { folder, source } = tree(t, TWO_CLASSES)
  mkdirSync(join(folder, 'elsewhere', 'inner'), { recursive: true })
  writeFileSync(join(folder, 'elsewhere', 'inner', 'x.jpg'), images[4] ?? '')
  writeFileSync(join(folder, 'y.jpg'), images[5] ?? '')
  symlinkSync(join(folder, 'elsewhere'), join(source, 'c'))
  symlinkSync(join(folder, 'elsewhere', 'inner'), join(source, 'a', 'more'))
  symlinkSync('../../y.jpg', join(source, 'b', 'y.jpg'))
  await prepareCall(source, join(folder, 'out'), NONE)
  const { description, train } = await loadDataset('image-folder', join(folder, 'out'))
  t.same(description.classNames, ['a', 'b', 'c'])
  const packed = imagesOf(train).map(({ bytes, label }) => [images.findIndex((image) => image.equals(bytes)), label])
  t.same(packed, [
    [0, 0],
    [1, 0],
    [4, 0],
    [2, 1],
    [3, 1],
    [5, 1],
    [4, 2],
  ])
})

t.test('links that lead nowhere or into a circle, and names that are not UTF-8: an error that says so', async (t) => {
  const faults: [what: string, make: (source: string) => void, message: RegExp][] = [
    [
      'a file',
      (source) => symlinkSync('/nowhere/x.jpg', join(source, 'a', 'x.jpg')),
      /a\/x\.jpg but received a link to \/nowhere\/x\.jpg, which leads nowhere$/,
    ],
    [
      'a class',
      (source) => symlinkSync('../gone', join(source, 'c')),
      /\/c but received a link to \.\.\/gone, which leads nowhere$/,
    ],
    ['itself', (source) => symlinkSync('x.jpg', join(source, 'a', 'x.jpg')), /a link to x\.jpg, which leads nowhere$/],
    [
      'a circle',
      (source) => symlinkSync('..', join(source, 'a', 'up')),
      /a folder that ends .*\/a\/up but received a link to .*, which holds the link itself$/,
    ],
    [
      'its own folder',
      (source) => symlinkSync('.', join(source, 'a', 'same')),
      /a folder that ends .*a\/same but received a link/,
    ],
    [
      'Latin-1',
      (source) =>
        writeFileSync(
          Buffer.concat([Buffer.from(`${source}/a/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]),
          images[4] ?? '',
        ),
      /^Expected names in UTF-8 for .*\/a but received 'caf\\xe9\.jpg'$/,
    ],
  ]
  for (const [what, make, message] of faults) {
    const { folder, source } = tree(t, TWO_CLASSES)
    make(source)
    const out = join(folder, 'out')
    await t.rejects(prepareCall(source, out, NONE), { name: 'UserFault', message, remedy: /\S/ }, what)
    t.same(readdirSync(folder), ['in'], 'nothing was made')
  }
})

t.test('FIFOs named like images are passed over, and do not hang', async (t) => {
  const { folder, source } = tree(t, TWO_CLASSES)
  execFileSync('mkfifo', [join(source, 'a', 'x.jpg'), join(source, 'y.jpg'), join(source, 'ILSVRC2012_img_train.tar')])
  const { notices, images } = await prepareCall(source, join(folder, 'out'), NONE)
  t.same(images, { train: 4, test: 0 })
  t.match(notices, ['Left out, FIFOs, sockets and devices: 3 (ILSVRC2012_img_train.tar, y.jpg, a/x.jpg)'])
})

t.test('classes and images in the order of Python: code points', async (t) => {
  const names = ['b', 'A', 'ä', 'Z', 'a', '10', '9', '\uff5e', '\u{1f600}', 'a b', 'a-b']
  // From Python: sorted(names).
  const sorted = ['10', '9', 'A', 'Z', 'a', 'a b', 'a-b', 'b', 'ä', '\uff5e', '\u{1f600}']
  t.same([...names].sort(byCodePoints), sorted)
  t.not([...names].sort().join(), sorted.join(), 'the order of UTF-16 is another')
  const { folder, source } = tree(t, Object.fromEntries(names.map((name, place) => [`${name}/x.jpg`, place % 8])))
  await prepareCall(source, join(folder, 'out'), NONE)
  const { description } = await loadDataset('image-folder', join(folder, 'out'))
  t.same(description.classNames, sorted)
})

t.test("within a class torchvision's order: folder by folder", async (t) => {
  const { folder, source } = tree(t, { 'a/b/x.jpg': 0, 'a/z.jpg': 1, 'a/b-c/y.jpg': 2, 'b/x.jpg': 3, 'a/c.jpg': 4 })
  await prepareCall(source, join(folder, 'out'), NONE)
  const { train } = await loadDataset('image-folder', join(folder, 'out'))
  // sorted(os.walk('a')): a, a/b, a/b-c.
  const order = imagesOf(train).map(({ bytes }) => images.findIndex((image) => image.equals(bytes)))
  t.same(order, [4, 1, 0, 2, 3])
})

t.test('shards among the images are refused, also through a link', async (t) => {
  const { folder, source } = tree(t, TWO_CLASSES)
  symlinkSync(join(source, 'a'), join(folder, 'way'))
  for (const out of [
    join(source, 'shards'),
    join(source, 'a', 'deep', 'shards'),
    join(folder, 'way', 'shards'),
    source,
  ]) {
    await t.rejects(
      prepareCall(source, out, NONE),
      {
        name: 'UserFault',
        message: /^Expected a folder outside of the images for the shards but received/,
      },
      out,
    )
  }
  t.same(readdirSync(source), ['a', 'b'])
  // Beside train/ and val/ they are no class.
  const split = tree(t, { 'train/a/0.jpg': 0, 'train/b/1.jpg': 1, 'val/a/2.jpg': 2 })
  const { images } = await prepareCall(split.source, join(split.source, 'shards'))
  t.same(images, { train: 2, test: 1 })
  await t.rejects(prepareCall(split.source, join(split.source, 'val', 'shards')), { message: /outside of the images/ })
})

t.test('one picture a class: with val/ or --validation 0', async (t) => {
  const { folder, source } = tree(t, { 'a/0.jpg': 0, 'b/1.jpg': 1 })
  await t.rejects(prepareCall(source, join(folder, 'out')), { message: /2 or more images/, remedy: /--validation 0/ })
  t.same((await prepareCall(source, join(folder, 'out'), NONE)).images, { train: 2, test: 0 })
  const { notices, test } = await loadDataset('image-folder', join(folder, 'out'))
  t.equal(test.count, 0)
  t.match(notices, [/no test images/])
  const split = tree(t, { 'train/a/0.jpg': 0, 'train/b/1.jpg': 1, 'val/a/2.jpg': 2 })
  t.same((await prepareCall(split.source, join(split.folder, 'out'))).images, { train: 2, test: 1 })
})

t.test('--on-bad skip does not empty a class in silence', async (t) => {
  const { folder, source } = tree(t, { 'train/a/0.jpg': 0, 'train/b/1.jpg': 1, 'val/a/2.jpg': 2, 'val/b/3.jpg': 3 })
  writeFileSync(join(source, 'val', 'b', '3.jpg'), 'no image')
  const skip = { onBad: 'skip' } as const
  const { notices } = await prepareCall(source, join(folder, 'one'), skip)
  t.match(notices, ['Warning: no test image is good in b: the test error does not tell of it'])
  writeFileSync(join(source, 'train', 'b', '1.jpg'), 'no image')
  await t.rejects(prepareCall(source, join(folder, 'two'), skip), {
    name: 'UserFault',
    message: 'Expected a good training image in each class for the shards but received none in b',
  })
  t.same(readdirSync(folder).sort(), ['in', 'one', 'two.unfinished'])
  const report = await prepareCall(source, join(folder, 'three'), { onBad: 'report' })
  t.match(report.notices.join(), /no training image is good in b/)
})

t.test('test images that are training images too', async (t) => {
  const { folder, source } = tree(t, {
    'train/a/0.jpg': 0,
    'train/b/1.jpg': 1,
    'train/b/again.jpg': 0,
    'val/a/2.jpg': 2,
    'val/a/copy.jpg': 0,
    'val/b/3.jpg': 1,
  })
  const { notices } = await prepareCall(source, join(folder, 'out'))
  t.same(notices, [
    'Warning: 2 of 3 test images are exact copies of training images (a/copy.jpg = a/0.jpg, b/3.jpg = b/1.jpg): ' +
      'the test error is too low by them',
  ])
})
