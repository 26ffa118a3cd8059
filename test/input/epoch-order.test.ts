import t from 'tap'
import { writeEpochOrder, writeRepeatedOrder } from '../../src/data/input/epoch-order.ts'

function orderOf(count: number, seed: number, epoch: number): number[] {
  const order = new Int32Array(count)
  writeEpochOrder(order, seed, epoch)
  return [...order]
}

t.test('each image exactly once, in an order of seed and epoch', (t) => {
  const first = orderOf(1000, 1, 0)
  t.same(
    [...first].sort((left, right) => left - right),
    [...Array(1000).keys()],
  )
  t.same(orderOf(1000, 1, 0), first)
  t.not(orderOf(1000, 1, 1).join(), first.join())
  t.not(orderOf(1000, 2, 0).join(), first.join())
  t.same(orderOf(1, 1, 0), [0])
  t.same(orderOf(0, 1, 0), [])
  t.end()
})

t.test('every order of three images is as likely', (t) => {
  const counts = new Map<string, number>()
  const epochs = 6000
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = orderOf(3, 9, epoch).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  t.equal(counts.size, 6)
  // Standard deviation sqrt(n p (1 - p)) = 29; the seed is fixed.
  for (const [order, count] of counts) t.ok(Math.abs(count - epochs / 6) < 4 * 29, `${order}: ${count}`)
  t.end()
})

t.test('repeated: each batch has the same samples as consecutive repeats would, its first repeats first', (t) => {
  for (const [count, repeats, batch] of [
    [24, 3, 8],
    [50, 2, 8],
    [10, 4, 10],
    [7, 3, 2],
  ] as const) {
    const order = new Int32Array(count)
    writeRepeatedOrder(order, 1, 2, repeats, batch)
    const permutation = orderOf(count, 1, 2)
    for (let first = 0; first < count; first += batch) {
      const found = [...order.subarray(first, first + batch)]
      const places = Array.from({ length: found.length }, (_, row) => first + row)
      const wanted = places.map((place) => (permutation[Math.floor(place / repeats)] ?? -1) + (place % repeats) * count)
      const byValue = (values: readonly number[]) => [...values].sort((one, other) => one - other)
      t.same(byValue(found), byValue(wanted), `${count} images, ${repeats} times, batches of ${batch}`)
      const numbers = found.map((value) => Math.floor(value / count))
      t.same(numbers, byValue(numbers))
    }
  }
  t.throws(() => writeRepeatedOrder(new Int32Array(2 ** 20), 1, 0, 2 ** 12, 8), RangeError)
  t.end()
})
