import t from 'tap'
import { fillNormal, philox, randomStream } from '../../src/vocabulary/random.ts'

// Random123 1.14, tests/kat_vectors: `philox4x32 10 <counter x 4> <key x 2> <result x 4>`.
const KNOWN_ANSWERS = [
  '00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8',
  'ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd',
  '243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1',
]

t.test('philox gives the known answers of Random123', (t) => {
  for (const line of KNOWN_ANSWERS) {
    const words = line.split(' ').map((word) => Number.parseInt(word, 16))
    const counter = Uint32Array.from(words.slice(0, 4))
    philox(counter, [words[4] ?? 0, words[5] ?? 0])
    t.same([...counter], words.slice(6))
  }
  t.end()
})

function draw(count: number, ...key: Parameters<typeof randomStream>): number[] {
  const stream = randomStream(...key)
  return Array.from({ length: count }, () => stream.uint32())
}

t.test('a stream is a function of seed, purpose, a and b', (t) => {
  t.same(draw(10, 7, 'order', 3, 4), draw(10, 7, 'order', 3, 4))
  const keys: Parameters<typeof randomStream>[] = [
    [7, 'order', 3, 4],
    [8, 'order', 3, 4],
    [7, 'augment', 3, 4],
    [7, 'order', 4, 3],
    [7, 'order', 3, 4 + 2 ** 32],
  ]
  t.equal(new Set(keys.map((key) => draw(4, ...key).join())).size, keys.length)
  t.equal(new Set(draw(4000, 1, 'weights')).size, 4000, 'no block repeats')
  t.end()
})

t.test('below and uniform keep their range and fill it evenly', (t) => {
  const stream = randomStream(1, 'augment')
  const counts = new Array<number>(9).fill(0)
  const draws = 90_000
  for (let draw = 0; draw < draws; draw++) {
    const value = stream.below(9)
    counts[value] = (counts[value] ?? 0) + 1
  }
  t.equal(counts.length, 9)
  // Standard deviation of each count is sqrt(n p (1 - p)) = 94; the seed is fixed, so this never varies.
  for (const count of counts) t.ok(Math.abs(count - draws / 9) < 4 * 94, `${count} of ${draws / 9}`)
  const uniforms = Array.from({ length: 10_000 }, () => stream.uniform())
  t.ok(uniforms.every((value) => value >= 0 && value < 1))
  t.end()
})

t.test('fillNormal writes what normal() draws, to the last bit', (t) => {
  for (const [length, b] of [
    [1, 0],
    [2, 0],
    [7, 3],
    [4096, 2 ** 40],
  ] as const) {
    const stream = randomStream(7, 'weights', 5, b)
    const wanted = Float32Array.from({ length }, () => 0.1 * stream.normal())
    const filled = new Float32Array(length)
    fillNormal(filled, 0.1, 7, 'weights', 5, b)
    t.same(filled, wanted)
  }
  t.end()
})

t.test('normal numbers have mean 0, variance 1 and the tails of a normal', (t) => {
  const stream = randomStream(5, 'weights', 1)
  const draws = 100_000
  const values = Array.from({ length: draws }, () => stream.normal())
  const mean = values.reduce((sum, value) => sum + value, 0) / draws
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws
  const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / draws
  t.ok(Math.abs(mean) < 0.0127, `mean ${mean} within 4 / sqrt(n)`)
  t.ok(Math.abs(variance - 1) < 0.018, `variance ${variance} within 4 sqrt(2 / n)`)
  t.ok(Math.abs(beyondTwo - 0.0455) < 0.0027, `${beyondTwo} of the values beyond 2`)
  t.ok(values.every(Number.isFinite))
  t.end()
})
