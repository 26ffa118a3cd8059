/** Augmentation policies: their pixels and tables are torchvision's, their draws a function of (seed, epoch, sample). */
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { createDraw, createPolicy, type PolicyName } from '../../src/data/input/policy/augment-policy.ts'
import { AUTO_POLICIES } from '../../src/data/input/policy/auto-policies.ts'
import {
  autoMagnitudes,
  type MagnitudeTable,
  randMagnitudes,
  wideMagnitudes,
} from '../../src/data/input/policy/magnitudes.ts'
import { OPERATIONS } from '../../src/data/input/policy/operations.ts'
import { fixturePath } from '../fixtures-folder.ts'

interface FixtureOperation {
  readonly magnitudes: readonly number[]
  readonly signed: boolean
  /** CRC-32 of the bytes, by sign and bin. */
  readonly checksums: readonly (readonly number[])[]
}

interface Fixture {
  readonly subPolicies: Readonly<Record<string, readonly (readonly [string, number, number | null])[][]>>
  readonly images: readonly {
    readonly title: string
    readonly width: number
    readonly height: number
    readonly pixels: string
    readonly policies: Readonly<Record<'trivial' | 'rand' | 'auto', Readonly<Record<string, FixtureOperation>>>>
  }[]
}

const fixture: Fixture = JSON.parse(readFileSync(fixturePath('augmentation.json'), 'utf8'))
const CIFAR = { height: 32, width: 32, channels: 3 }
const SETTINGS = { augmentMagnitude: 9, augmentOps: 2 }

for (const { title, width, height, pixels, policies } of fixture.images) {
  const size = { width, height, channels: 3 }
  const tables: Readonly<Record<keyof typeof policies, MagnitudeTable>> = {
    trivial: wideMagnitudes(),
    rand: randMagnitudes(size),
    auto: autoMagnitudes(size),
  }
  const image = Buffer.from(pixels, 'base64')
  for (const [policy, table] of Object.entries(tables)) {
    t.test(`the bytes of torchvision: ${policy}, image ${title} of ${width} x ${height}`, (t) => {
      const wanted = policy === 'trivial' || policy === 'rand' ? policies[policy] : policies.auto
      t.same([...table.keys()], Object.keys(wanted), 'operations, in the order in which they are numbered')
      for (const [name, { values, signed }] of table) {
        const operation = wanted[name]
        t.same({ values, signed }, { values: operation?.magnitudes, signed: operation?.signed }, `${name}: magnitudes`)
        const signs = signed ? [1, -1] : [1]
        const found = signs.map((sign) =>
          (values.length > 0 ? values : [0]).map((value) => {
            const picture = { pixels: Uint8Array.from(image), scratch: new Uint8Array(image.length), height, width }
            OPERATIONS[name](picture, sign * value)
            return crc32(picture.pixels)
          }),
        )
        t.same(found, operation?.checksums, name)
      }
      t.end()
    })
  }
}

t.test("AutoAugment's policies are torchvision's", (t) => {
  const written = Object.entries(AUTO_POLICIES).map(([name, pairs]) => [
    name,
    pairs.map((pair) => pair.map(([operation, chance, bin = null]) => [operation, chance, bin])),
  ])
  t.same(Object.fromEntries(written), fixture.subPolicies)
  t.end()
})

/** Operations of the first samples. */
function drawn(augmentPolicy: PolicyName, samples: number, settings = SETTINGS) {
  const draw = createDraw({ augmentPolicy, ...settings }, CIFAR, 3)
  return Array.from({ length: samples }, (_, sample) => draw?.(0, sample) ?? [])
}

/** Whether a number of successes lies within 5 standard deviations; the seed is fixed. */
const asLikely = (count: number, tries: number, chance: number) =>
  Math.abs(count - tries * chance) < 5 * Math.sqrt(tries * chance * (1 - chance))

t.test('trivial: one operation, each as likely, each strength and sign as likely', (t) => {
  const images = drawn('trivial', 28_000)
  t.ok(images.every(({ length }) => length === 1))
  for (const [name, { values, signed }] of wideMagnitudes()) {
    const magnitudes = images.flat().flatMap((one) => (one.name === name ? [one.magnitude] : []))
    t.ok(asLikely(magnitudes.length, images.length, 1 / 14), `${name}: ${magnitudes.length}`)
    for (const value of new Set(values)) {
      const chance = values.filter((other) => other === value).length / values.length
      const count = magnitudes.filter((magnitude) => Math.abs(magnitude) === value).length
      t.ok(asLikely(count, magnitudes.length, chance), `${name} ${value}: ${count}`)
    }
    if (!signed) continue
    const negated = magnitudes.filter((magnitude) => magnitude < 0).length
    t.ok(asLikely(negated, magnitudes.length, 15 / 31), `${name} negated: ${negated}`)
  }
  t.end()
})

t.test('rand: as many operations as asked, all of one bin', (t) => {
  const images = drawn('rand', 7000, { augmentMagnitude: 12, augmentOps: 3 })
  t.ok(images.every(({ length }) => length === 3))
  const table = randMagnitudes(CIFAR)
  for (const [name, { values }] of table) {
    const magnitudes = images.flat().flatMap((one) => (one.name === name ? [one.magnitude] : []))
    t.ok(asLikely(magnitudes.length, 21_000, 1 / 14), `${name}: ${magnitudes.length}`)
    t.ok(magnitudes.every((magnitude) => Math.abs(magnitude) === (values[12] ?? 0)))
  }
  t.end()
})

t.test('auto: pairs of the policy, each operation by its own chance', (t) => {
  const images = drawn('auto-svhn', 10_000)
  t.ok(images.every(({ length }) => length <= 2))
  const expected = AUTO_POLICIES['auto-svhn'].flat().reduce((sum, [, chance]) => sum + chance, 0) / 25
  const mean = images.flat().length / images.length
  t.ok(Math.abs(mean - expected) < 0.03, `${mean} of ${expected} operations an image`)
  // TranslateY is in four pairs, of bins 2 (never applied), 3, 6 and 7.
  const shifts = images.flat().flatMap(({ name, magnitude }) => (name === 'TranslateY' ? [Math.abs(magnitude)] : []))
  const { values = [] } = autoMagnitudes(CIFAR).get('TranslateY') ?? {}
  t.same(
    [...new Set(shifts)].sort((one, other) => one - other),
    [3, 6, 7].map((bin) => values[bin]),
  )
  t.end()
})

t.test('a function of seed, epoch and sample, and only the image is written', (t) => {
  const image = Buffer.from(fixture.images[0]?.pixels ?? '', 'base64')
  const changed = (seed: number, epoch: number, sample: number) => {
    const pixels = new Uint8Array(3 * image.length).fill(77)
    pixels.set(image, image.length)
    const policy = createPolicy({ augmentPolicy: 'rand', ...SETTINGS }, CIFAR, seed)
    policy?.(pixels.subarray(image.length, 2 * image.length), epoch, sample)
    const around = [...pixels.subarray(0, image.length), ...pixels.subarray(2 * image.length)]
    t.ok(around.every((byte) => byte === 77))
    return crc32(pixels)
  }
  t.equal(changed(1, 2, 3), changed(1, 2, 3))
  t.equal(new Set([changed(1, 2, 3), changed(2, 2, 3), changed(1, 3, 3), changed(1, 2, 4)]).size, 4)
  t.equal(createPolicy({ augmentPolicy: 'none', ...SETTINGS }, CIFAR, 1), null)
  t.throws(() => createPolicy({ augmentPolicy: 'trivial', ...SETTINGS }, { ...CIFAR, channels: 1 }, 1), RangeError)
  t.end()
})
